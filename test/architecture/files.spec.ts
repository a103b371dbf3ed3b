import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { type SourceFile, ROOT, eachNode, lineOf, readJson, resolveRelative, sourceFiles } from './source-tree.js';

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 40;

const LIBRARIES = ['libs/mikro-orm', 'libs/nestjs', 'libs/browser'];
const LIBS = sourceFiles(...LIBRARIES.map(library => `${library}/src`));
const CODE = [...LIBS, ...sourceFiles('apps', 'bench')];
const VERSION = readJson<{ version: string }>('package.json').version;

describe('files', () => {
  it(`have at most ${MAX_FILE_LINES} lines`, () => {
    const long = CODE.map(file => ({ file, lines: file.syntax.text.trimEnd().split('\n').length }));
    expect(
      long.filter(({ lines }) => lines > MAX_FILE_LINES).map(({ file, lines }) => `${file.path}: ${lines}`),
    ).toEqual([]);
  });

  it(`hold functions of at most ${MAX_FUNCTION_LINES} lines`, () => {
    expect(CODE.flatMap(file => longFunctions(file))).toEqual([]);
  });

  it('are named for one idea: no utils, helpers, common or types, and no barrel beside index.ts', () => {
    const vague = /(^|\/)(utils?|helpers?|common|types|misc)(\/|\.ts$)/;
    const barrel = /\/src\/.+\/index\.ts$/;
    expect(LIBS.map(file => file.path).filter(name => vague.test(name) || barrel.test(name))).toEqual([]);
  });

  it('of the libraries say any only where the line above gives the reason', () => {
    const isBare = (file: SourceFile, node: ts.Node) =>
      node.kind === ts.SyntaxKind.AnyKeyword && !lineAbove(file, node).includes('typescript/no-explicit-any -- ');
    expect(LIBS.flatMap(file => placesOf(file, node => isBare(file, node)))).toEqual([]);
  });

  it('give each TODO the number of an issue', () => {
    const bare = /\b(TODO|FIXME)\b(?!.*#\d)/;
    const lines = CODE.flatMap(file =>
      file.syntax.text.split('\n').map((text, i) => ({ text, at: `${file.path}:${i + 1}` })),
    );
    expect(lines.filter(({ text }) => bare.test(text)).map(({ at, text }) => `${at} ${text.trim()}`)).toEqual([]);
  });
});

describe('what index.ts exports', () => {
  it.each(LIBRARIES.map(library => `${library}/src/index.ts`))('has a docstring for each name of %s', index => {
    const file = LIBS.find(source => source.path === index);
    expect(file && undocumented(file)).toEqual([]);
  });

  it('is gone once its deprecation said so', () => {
    const tags = LIBS.flatMap(file =>
      [...file.syntax.text.matchAll(/@deprecated\b(.*)/g)].map(tag => ({ file, text: tag[1]! })),
    );
    const due = tags.filter(({ text }) => {
      const [, removedIn] = text.match(/removed in (\d+\.\d+\.\d+)/) ?? [];
      return removedIn === undefined || removedIn.localeCompare(VERSION, 'en', { numeric: true }) <= 0;
    });
    expect(due.map(({ file, text }) => `${file.path}: @deprecated${text}`)).toEqual([]);
  });
});

describe('the release', () => {
  it('has one version in every package.json', () => {
    const packages = LIBRARIES.map(folder => readJson<{ version: string }>(`${folder}/package.json`));
    expect(packages.map(({ version }) => version)).toEqual([VERSION, VERSION, VERSION]);
  });

  it('has an entry in the changelog that states its schema change', () => {
    const changelog = fs.readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8');
    const entry = changelog
      .split(/^## /m)
      .find(section => section.startsWith(VERSION) || section.startsWith(`[${VERSION}]`));
    expect(entry).toMatch(/\*\*Schema change: .+\*\*/);
  });
});

function longFunctions(file: SourceFile): string[] {
  const found: string[] = [];
  eachNode(file.syntax, node => {
    if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return;
    const first = lineOf(file.syntax, node.getStart());
    const lines = lineOf(file.syntax, node.getEnd()) - first + 1;
    if (lines > MAX_FUNCTION_LINES)
      found.push(`${file.path}:${first} ${node.name?.getText() ?? '(anonymous)'}: ${lines}`);
  });
  return found;
}

function placesOf(file: SourceFile, isPicked: (node: ts.Node) => boolean): string[] {
  const places: string[] = [];
  eachNode(file.syntax, node => {
    if (isPicked(node)) places.push(`${file.path}:${lineOf(file.syntax, node.getStart())} ${node.parent.getText()}`);
  });
  return places;
}

function lineAbove(file: SourceFile, node: ts.Node): string {
  return file.syntax.text.split('\n')[lineOf(file.syntax, node.getStart()) - 2] ?? '';
}

function undocumented(index: SourceFile): string[] {
  return index.syntax.statements
    .filter(statement => ts.isExportDeclaration(statement))
    .flatMap(statement => {
      const clause = statement.exportClause;
      const specifier = statement.moduleSpecifier;
      if (!clause || !ts.isNamedExports(clause) || !specifier || !ts.isStringLiteral(specifier)) return [];
      const target = resolveRelative(index.path, specifier.text);
      return clause.elements
        .map(element => (element.propertyName ?? element.name).text)
        .filter(name => !isDocumented(target, name))
        .map(name => `${target}: ${name}`);
    });
}

function isDocumented(file: string, name: string): boolean {
  const source = LIBS.find(candidate => candidate.path === file);
  const declarations = source?.syntax.statements.filter(statement => declaredNames(statement).includes(name)) ?? [];
  return declarations.some(declaration => ts.getJSDocCommentsAndTags(declaration).length > 0);
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(declaration => bindingNames(declaration.name));
  }
  const { name } = statement as ts.Statement & { name?: ts.Node };
  return name && ts.isIdentifier(name) ? [name.text] : [];
}

/** `const { A, B } = …` declares two names, which share the statement's docstring. */
function bindingNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap(element => (ts.isBindingElement(element) ? bindingNames(element.name) : []));
}
