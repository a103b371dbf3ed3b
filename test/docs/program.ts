import ts from 'typescript';
import type { Document, Step } from './document.js';

/** One ES module made of a document's blocks. Line n of its text is line n of the document, so errors point there. */
export interface Program {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What a compiler checks: the TypeScript, nothing else. */
  readonly source: string;
  /** What runs: the same with SQL and shell blocks, and a mark in the output where each block ends. */
  readonly runnable: string;
}

/** All blocks of a document share one program, in order; each block marked `alone` is a program of its own. */
export function programsOf(document: Document): Program[] {
  const isAlone = (step: Step) => step.block.words.includes('alone');
  const shared = document.steps.filter(step => !isAlone(step));
  const groups = [shared, ...document.steps.filter(isAlone).map(step => [step])].filter(group => group.length > 0);
  return groups.map((steps, i) => ({
    name: `${document.name.replaceAll('/', '__')}.${i + 1}`,
    steps,
    source: textOf(document, steps, false),
    runnable: textOf(document, steps, true),
  }));
}

function textOf(document: Document, steps: readonly Step[], isRunnable: boolean): string {
  const lines = Array.from({ length: document.lineCount }, () => '');
  const imports = importsOf(steps);
  steps.forEach((step, i) => {
    const { opens, closes, words } = step.block;
    const isScoped = words.includes('scoped');
    lines[opens - 1] += `${imports.get(step) ?? ''} ${isScoped ? '{' : ''} ${isRunnable ? callOf(step) : ''}`;
    if (step.kind === 'ts') splice(lines, opens, withoutImports(step.block.code));
    lines[closes - 1] += `${isScoped ? '}' : ''} ${isRunnable ? `;__doc.end(${i});` : ''}`;
  });
  const first = isRunnable ? 'import * as __doc from "./runtime.mjs";' : 'export {};';
  const last = isRunnable ? ';__doc.exit();' : '';
  return `${first} ${lines.join('\n')}${last}\n`;
}

function callOf({ kind, block }: Step): string {
  return kind === 'ts' ? '' : `await __doc.${kind}(${JSON.stringify(block.code)});`;
}

function splice(lines: string[], from: number, code: string): void {
  code.split('\n').forEach((line, i) => (lines[from + i] = line));
}

interface ImportedName {
  readonly step: Step;
  readonly module: string;
  /** As between the braces: `A` or `A as B`; or `default as A`, or `* as A`. */
  readonly clause: string;
  readonly isType: boolean;
}

/**
 * For each block the imports to put before it: every name once, where the program first needs it, so that each block
 * of a document can show its own imports. A relative import names another block of the same document: left out.
 */
function importsOf(steps: readonly Step[]): Map<Step, string> {
  const names = steps.flatMap(step => (step.kind === 'ts' ? importedNames(step) : []));
  const isSame = (a: ImportedName, b: ImportedName) => a.module === b.module && a.clause === b.clause;
  const first = names.filter((name, i) => names.findIndex(other => isSame(other, name)) === i);
  const needsValue = (name: ImportedName) => names.some(other => isSame(other, name) && !other.isType);
  const texts = new Map<Step, string>();
  for (const name of first) {
    texts.set(name.step, `${texts.get(name.step) ?? ''}${importText(name, needsValue(name))} `);
  }
  return texts;
}

function importText({ module, clause }: ImportedName, isValue: boolean): string {
  const kind = isValue ? 'import' : 'import type';
  if (clause === '') return `import '${module}';`;
  return clause.startsWith('*') ? `${kind} ${clause} from '${module}';` : `${kind} { ${clause} } from '${module}';`;
}

function importedNames(step: Step): ImportedName[] {
  return importDeclarations(step.block.code).flatMap(({ moduleSpecifier, importClause }) => {
    const module = (moduleSpecifier as ts.StringLiteral).text;
    if (module.startsWith('.')) return [];
    const isType = importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return clausesOf(importClause).map(({ clause, isTypeName }) => ({
      step,
      module,
      clause,
      isType: isType || isTypeName,
    }));
  });
}

function clausesOf(clause: ts.ImportClause | undefined): { clause: string; isTypeName: boolean }[] {
  if (!clause) return [{ clause: '', isTypeName: false }];
  const bindings = clause.namedBindings;
  const named = !bindings
    ? []
    : ts.isNamespaceImport(bindings)
      ? [{ clause: `* as ${bindings.name.text}`, isTypeName: false }]
      : bindings.elements.map(element => ({
          clause: `${element.propertyName ? `${element.propertyName.text} as ` : ''}${element.name.text}`,
          isTypeName: element.isTypeOnly,
        }));
  return [...(clause.name ? [{ clause: `default as ${clause.name.text}`, isTypeName: false }] : []), ...named];
}

function importDeclarations(code: string): ts.ImportDeclaration[] {
  return ts
    .createSourceFile('block.ts', code, ts.ScriptTarget.ES2023, true)
    .statements.filter(statement => ts.isImportDeclaration(statement));
}

function withoutImports(code: string): string {
  return importDeclarations(code).reduce((text, declaration) => {
    const [start, end] = [declaration.getStart(), declaration.getEnd()];
    return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, ' ') + text.slice(end);
  }, code);
}
