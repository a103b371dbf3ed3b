import path from 'node:path';
import ts from 'typescript';

const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Type-checks files under the repo's tsconfig.json, all in one program, and returns what is wrong with each.
 *
 * @param texts file (absolute) → source text for files that are not on disk; null for those that are
 * @returns for each file its diagnostics, as `line: message`
 */
export function typeCheck(
  texts: ReadonlyMap<string, string | null>,
  types: string[] = ['node', 'jest'],
): Map<string, string[]> {
  const program = ts.createProgram({
    rootNames: [...texts.keys()],
    options: { ...options(), types },
    host: host(texts, types),
  });
  return new Map([...texts.keys()].map(file => [file, diagnosticsOf(program, file)]));
}

function options(): ts.CompilerOptions {
  const file = path.join(ROOT, 'tsconfig.json');
  const config = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, name => ts.sys.readFile(name)).config,
    ts.sys,
    ROOT,
  );
  return { ...config.options, noEmit: true, declaration: false, declarationMap: false, composite: false };
}

function host(texts: ReadonlyMap<string, string | null>, types: string[]): ts.CompilerHost {
  const base = ts.createCompilerHost({ ...options(), types }, true);
  return {
    ...base,
    fileExists: file => texts.get(file) != null || base.fileExists(file),
    readFile: file => texts.get(file) ?? base.readFile(file),
    getSourceFile: (file, languageVersion, onError, shouldCreate) => {
      const text = texts.get(file);
      return text == null
        ? base.getSourceFile(file, languageVersion, onError, shouldCreate)
        : ts.createSourceFile(file, text, languageVersion, true);
    },
  };
}

function diagnosticsOf(program: ts.Program, file: string): string[] {
  const source = program.getSourceFile(file);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(found => {
    const line = found.file ? found.file.getLineAndCharacterOfPosition(found.start ?? 0).line + 1 : 0;
    return `${line}: ${ts.flattenDiagnosticMessageText(found.messageText, '\n')}`;
  });
}
