import typescript from 'typescript';
import { addExtension } from '../../libs/mikro-orm/src/init/add-extension.js';

const add = (source: string) => addExtension(typescript, 'mikro-orm.config.ts', source);

const CASES: [string, string, string][] = [
  [
    'a call of defineConfig, after the last option and the last import',
    `import { defineConfig } from '@mikro-orm/postgresql';
import { Post } from './post.js';

export default defineConfig({
  dbName: 'blog',
  entities: [Post], // all of them
});
`,
    `import { defineConfig } from '@mikro-orm/postgresql';
import { Post } from './post.js';
import { revy } from '@revy/mikro-orm';

export default defineConfig({
  dbName: 'blog',
  entities: [Post], // all of them
  extensions: [revy()],
});
`,
  ],
  [
    'a list that is there, in the style of the file',
    `import { Migrator } from "@mikro-orm/migrations"
export default { dbName: "blog", extensions: [Migrator] }
`,
    `import { Migrator } from "@mikro-orm/migrations"
import { revy } from "@revy/mikro-orm"
export default { dbName: "blog", extensions: [Migrator, revy()] }
`,
  ],
  [
    'a list of several lines, without a comma at its end',
    `import { Migrator } from '@mikro-orm/migrations';
const config = {
  extensions: [
    // first
    Migrator,
    SeedManager
  ],
  dbName: 'blog'
} satisfies Options;
export default config;
`,
    `import { Migrator } from '@mikro-orm/migrations';
import { revy } from '@revy/mikro-orm';
const config = {
  extensions: [
    // first
    Migrator,
    SeedManager,
    revy()
  ],
  dbName: 'blog'
} satisfies Options;
export default config;
`,
  ],
  [
    'an empty list, and an import that is there under another name',
    `import { revy as history } from '@revy/mikro-orm';
export default defineConfig({ extensions: [] } as Options);
`,
    `import { revy as history } from '@revy/mikro-orm';
export default defineConfig({ extensions: [history()] } as Options);
`,
  ],
  [
    'a function, an empty configuration, and no import at all',
    `// Who needs options? See "revy".
export default async () => {
  return {};
};
`,
    `// Who needs options? See "revy".
import { revy } from '@revy/mikro-orm';
export default async () => {
  return {extensions: [revy()]};
};
`,
  ],
  [
    'lines that end as on Windows',
    `import x from 'x';\r\nexport default {\r\n\tdbName: 'blog',\r\n};\r\n`,
    `import x from 'x';\r\nimport { revy } from '@revy/mikro-orm';\r\nexport default {\r\n\tdbName: 'blog',\r\n\textensions: [revy()],\r\n};\r\n`,
  ],
];

describe('adding revy() to a configuration', () => {
  it.each(CASES)('fits %s, and does so once', (_, before, after) => {
    expect(add(before)).toBe(after);
    expect(add(after)).toBeUndefined();
  });

  it.each([
    ['that is no code', 'export default {', /^Nothing was changed: mikro-orm\.config\.ts cannot be read \(/],
    [
      'that exports nothing',
      'const config = {};',
      /: no object was found that the file exports as its default\. By hand/,
    ],
    ['that exports what another file made', `export { default } from './other.js';`, /: no object was found/],
    ['that makes its object elsewhere', 'export default makeConfig();', /: no object was found/],
    ['of CommonJS', 'module.exports = { dbName: 1 };', /: no object was found/],
    ['that spreads another one', 'export default { ...base };', /: the configuration spreads another one/],
    ['whose list is elsewhere', 'export default { extensions };', /"extensions" of the configuration are not a list/],
    ['whose list is made', 'export default { extensions: list() };', /are not a list in that place/],
    ['with a "revy" of its own', 'const revy = 1;\nexport default {};', /: the file has a "revy" of its own/],
  ])('refuses a file %s', (_, source, reason) => {
    expect(() => add(source)).toThrow(reason);
  });
});
