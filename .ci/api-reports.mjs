#!/usr/bin/env node
// Writes what each package offers to libs/*/api/*.api.md, from its built declarations. With --check it writes nothing.
// Exits with 1 where a public name has no docstring, a link leads nowhere or, with --check, a report is out of date.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCheck = process.argv.includes('--check');
const scratch = path.join(root, 'node_modules/.cache/api');
const fatal = { logLevel: 'error' };
const silent = { logLevel: 'none' };

const messages = {
  compilerMessageReporting: { default: fatal },
  extractorMessageReporting: {
    default: fatal,
    // everything exported is public
    'ae-missing-release-tag': silent,
    // types of private constructors and of computed types, which nobody has to name
    'ae-forgotten-export': silent,
  },
  // our docstrings write `@param name what` and `@throws {Name} when`
  tsdocMessageReporting: { default: silent, 'tsdoc-code-span-empty': fatal },
};

function configOf(name) {
  const projectFolder = path.join(root, 'libs', name);
  return ExtractorConfig.prepare({
    configObjectFullPath: path.join(projectFolder, 'api-extractor.json'),
    packageJsonFullPath: path.join(projectFolder, 'package.json'),
    configObject: {
      projectFolder,
      mainEntryPointFilePath: path.join(projectFolder, 'dist/index.d.ts'),
      compiler: { tsconfigFilePath: path.join(projectFolder, 'tsconfig.lib.json') },
      newlineKind: 'lf',
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: path.join(projectFolder, 'api'),
        reportTempFolder: scratch,
      },
      messages,
    },
  });
}

/** The code of an error has the docstring of `RevyError.code`, which editors show for it. */
function isInherited({ messageId, text, sourceFilePath }) {
  return messageId === 'ae-undocumented' && text.endsWith('"code".') && sourceFilePath?.endsWith('errors.ts');
}

mkdirSync(scratch, { recursive: true });
for (const name of ['mikro-orm', 'nestjs', 'browser']) {
  const { succeeded, apiReportChanged } = Extractor.invoke(configOf(name), {
    localBuild: !isCheck,
    messageCallback: message => {
      if (isInherited(message)) message.logLevel = 'none';
    },
  });
  if (apiReportChanged)
    console.log(`${name}: ${isCheck ? 'not what its report says; npm run api' : 'its report has changed'}`);
  if (!succeeded) process.exitCode = 1;
}
