import type ts from 'typescript';
import { configObject, type TypeScript } from './config-object.js';
import { BY_HAND, InitRefusal } from './init.errors.js';

const PACKAGE = '@revy/mikro-orm';

/** Text to put in, before the character at a position. */
interface Edit {
  readonly at: number;
  readonly text: string;
}

/**
 * The source of a MikroORM configuration with `revy()` in its "extensions", and nothing else changed.
 *
 * @returns `undefined` if it lists `revy()` already
 * @throws {InitRefusal} if it is not clear where to add it
 */
export function addExtension(typescript: TypeScript, fileName: string, source: string): string | undefined {
  const file = parse(typescript, fileName, source);
  const config = configObject(typescript, file);
  const name = importedName(typescript, file);
  const extensions = listOf(typescript, config);
  if (extensions && listsRevy(typescript, extensions, name)) return undefined;
  if (name === undefined && /\brevy\b/.test(withoutStrings(source))) {
    throw new InitRefusal('the file has a "revy" of its own', BY_HAND);
  }
  const edits = [
    extensionEdit(typescript, file, { config, extensions, call: `${name ?? 'revy'}()` }),
    ...(name === undefined ? [importEdit(typescript, file)] : []),
  ];
  const result = edits
    .toSorted((a, b) => b.at - a.at)
    .reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), source);
  parse(typescript, fileName, result);
  return result;
}

function parse(typescript: TypeScript, fileName: string, source: string): ts.SourceFile {
  const file = typescript.createSourceFile(fileName, source, typescript.ScriptTarget.Latest, true);
  const { parseDiagnostics = [] } = file as { parseDiagnostics?: readonly ts.Diagnostic[] };
  if (parseDiagnostics.length === 0) return file;
  const message = typescript.flattenDiagnosticMessageText(parseDiagnostics[0]!.messageText, ' ');
  throw new InitRefusal(`${fileName} cannot be read (${message.replace(/\.$/, '')})`, BY_HAND);
}

/** What `revy` is called in the file; `undefined` where it is not imported. */
function importedName(typescript: TypeScript, file: ts.SourceFile): string | undefined {
  for (const statement of importsOf(typescript, file)) {
    const bindings = statement.importClause?.namedBindings;
    if (textOf(statement.moduleSpecifier) !== PACKAGE || !bindings || !typescript.isNamedImports(bindings)) continue;
    const element = bindings.elements.find(one => (one.propertyName ?? one.name).text === 'revy' && !one.isTypeOnly);
    if (element) return element.name.text;
  }
  return undefined;
}

function listOf(typescript: TypeScript, config: ts.ObjectLiteralExpression): ts.ArrayLiteralExpression | undefined {
  const property = config.properties.find(one => one.name && textOf(one.name) === 'extensions');
  if (!property) {
    if (!config.properties.some(one => typescript.isSpreadAssignment(one))) return undefined;
    throw new InitRefusal('the configuration spreads another one, which may have "extensions"', BY_HAND);
  }
  if (typescript.isPropertyAssignment(property) && typescript.isArrayLiteralExpression(property.initializer)) {
    return property.initializer;
  }
  throw new InitRefusal('the "extensions" of the configuration are not a list in that place', BY_HAND);
}

function listsRevy(typescript: TypeScript, list: ts.ArrayLiteralExpression, name: string | undefined): boolean {
  return list.elements.some(
    element =>
      typescript.isCallExpression(element) &&
      typescript.isIdentifier(element.expression) &&
      element.expression.text === name,
  );
}

function extensionEdit(
  typescript: TypeScript,
  file: ts.SourceFile,
  {
    config,
    extensions,
    call,
  }: {
    readonly config: ts.ObjectLiteralExpression;
    readonly extensions: ts.ArrayLiteralExpression | undefined;
    readonly call: string;
  },
): Edit {
  if (extensions) return appended(file, extensions.elements, { closing: extensions.end - 1, added: call });
  return appended(file, config.properties, { closing: config.end - 1, added: `extensions: [${call}]` });
}

/** One more element at the end, laid out as the one before it. */
function appended(
  file: ts.SourceFile,
  elements: ts.NodeArray<ts.Node>,
  { closing, added }: { readonly closing: number; readonly added: string },
): Edit {
  const last = elements.at(-1);
  if (!last) return { at: closing, text: added };
  const lead = /^\s*/.exec(file.text.slice(last.getFullStart()))![0];
  const before = file.text.slice(0, last.getStart());
  const gap = lead.includes('\n') || /\n[ \t]*$/.test(before) ? `${newlineOf(file)}${/[ \t]*$/.exec(before)![0]}` : ' ';
  if (!elements.hasTrailingComma) return { at: last.end, text: `,${gap}${added}` };
  const comment = /^[ \t]*\/\/[^\r\n]*/.exec(file.text.slice(elements.end))?.[0] ?? '';
  return { at: elements.end + comment.length, text: gap === ' ' ? ` ${added}` : `${gap}${added},` };
}

function importEdit(typescript: TypeScript, file: ts.SourceFile): Edit {
  const imports = importsOf(typescript, file);
  const last = imports.at(-1);
  const model = last?.getText() ?? `import x from '';`;
  const quote = model.includes('"') ? '"' : "'";
  const line = `import { revy } from ${quote}${PACKAGE}${quote}${model.endsWith(';') ? ';' : ''}`;
  if (last) return { at: last.end, text: `${newlineOf(file)}${line}` };
  return { at: file.statements[0]!.getStart(), text: `${line}${newlineOf(file)}` };
}

function importsOf(typescript: TypeScript, file: ts.SourceFile): ts.ImportDeclaration[] {
  return file.statements.filter(statement => typescript.isImportDeclaration(statement));
}

function newlineOf(file: ts.SourceFile): string {
  return file.text.includes('\r\n') ? '\r\n' : '\n';
}

/** Of an identifier or a string. */
function textOf(node: ts.Node): string | undefined {
  return (node as { text?: string }).text;
}

function withoutStrings(source: string): string {
  return source.replaceAll(/'[^'\n]*'|"[^"\n]*"|`[^`]*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '');
}
