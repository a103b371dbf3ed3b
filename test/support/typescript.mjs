// For a process of its own that runs a test's TypeScript: `node --import ./test/support/typescript.mjs file.ts`.
import fs from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';

const OURS = { '@revy/mikro-orm': new URL('../../libs/mikro-orm/src/index.ts', import.meta.url).href };

registerHooks({
  resolve(specifier, context, next) {
    const isOwn = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
    return next(OURS[specifier] ?? (isOwn ? specifier.replace(/\.js$/, '.ts') : specifier), context);
  },
  load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const source = stripTypeScriptTypes(fs.readFileSync(new URL(url), 'utf8'), { mode: 'transform', sourceUrl: url });
    return { format: 'module', source, shortCircuit: true };
  },
});
