import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Import {
  readonly specifier: string;
  /** `import type`, `export type … from`, `import('…').T`, or braces that hold nothing but `type` names. */
  readonly isTypeOnly: boolean;
  readonly line: number;
}

export interface SourceFile {
  /** Relative to the root of the repo, with forward slashes. */
  readonly path: string;
  readonly syntax: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** Every TypeScript (and .mjs) file below the folders given, parsed once each. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders
    .flatMap(folder => walk(path.join(ROOT, folder)))
    .filter(file => /\.(ts|mts|mjs)$/.test(file) && !file.endsWith('.d.ts'))
    .map(file => parse(file));
}

/** What a relative import names, as a path from the root of the repo: `./frame.js` is written for `frame.ts`. */
export function resolveRelative(from: string, specifier: string): string {
  const target = path.posix.join(path.posix.dirname(from), specifier);
  return target
    .replace(/\.js$/, '.ts')
    .replace(/\.mjs$/, suffix => (fs.existsSync(path.join(ROOT, target)) ? suffix : '.mts'));
}

export function readJson<T>(file: string): T {
  return JSON.parse(fs.readFileSync(path.join(ROOT, file), 'utf8')) as T;
}

export function eachNode(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, child => eachNode(child, visit));
}

export function lineOf(syntax: ts.SourceFile, position: number): number {
  return syntax.getLineAndCharacterOfPosition(position).line + 1;
}

const parsed = new Map<string, SourceFile>();

function walk(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : walk(full);
    return [full];
  });
}

function parse(file: string): SourceFile {
  const relative = path.relative(ROOT, file).split(path.sep).join('/');
  const known = parsed.get(relative);
  if (known) return known;
  const syntax = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  const source = { path: relative, syntax, imports: importsOf(syntax) };
  parsed.set(relative, source);
  return source;
}

function importsOf(syntax: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  eachNode(syntax, node => {
    const found = importedBy(node);
    if (found) imports.push({ ...found, line: lineOf(syntax, node.getStart()) });
  });
  return imports;
}

function importedBy(node: ts.Node): Omit<Import, 'line'> | undefined {
  if (ts.isImportDeclaration(node)) return named(node.moduleSpecifier, isTypeImport(node.importClause));
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) return named(node.moduleSpecifier, isTypeExport(node));
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return named(node.argument.literal, true);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return named(node.arguments[0], false);
  }
  return undefined;
}

function named(specifier: ts.Node | undefined, isTypeOnly: boolean): Omit<Import, 'line'> | undefined {
  return specifier && ts.isStringLiteralLike(specifier) ? { specifier: specifier.text, isTypeOnly } : undefined;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  if (clause.name || !bindings || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every(element => element.isTypeOnly);
}

function isTypeExport(node: ts.ExportDeclaration): boolean {
  if (node.isTypeOnly) return true;
  const clause = node.exportClause;
  return (
    clause !== undefined &&
    ts.isNamedExports(clause) &&
    clause.elements.length > 0 &&
    clause.elements.every(element => element.isTypeOnly)
  );
}
