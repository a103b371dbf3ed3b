import type ts from 'typescript';
import { BY_HAND, InitRefusal } from './init.errors.js';

/** The compiler's API, of the project that is changed. */
export type TypeScript = typeof ts;

/** The object literal that a configuration file exports, through `defineConfig()`, `satisfies`, a variable or a function. */
export function configObject(typescript: TypeScript, file: ts.SourceFile): ts.ObjectLiteralExpression {
  const exported = file.statements.find(statement => typescript.isExportAssignment(statement));
  const found = exported && !exported.isExportEquals ? resolve(typescript, file, exported.expression) : undefined;
  if (!found) throw new InitRefusal('no object was found that the file exports as its default', BY_HAND);
  return found;
}

function resolve(
  typescript: TypeScript,
  file: ts.SourceFile,
  expression: ts.Expression | undefined,
): ts.ObjectLiteralExpression | undefined {
  if (!expression) return undefined;
  if (typescript.isObjectLiteralExpression(expression)) return expression;
  return resolve(typescript, file, inside(typescript, file, expression));
}

function inside(typescript: TypeScript, file: ts.SourceFile, expression: ts.Expression): ts.Expression | undefined {
  if (
    typescript.isParenthesizedExpression(expression) ||
    typescript.isSatisfiesExpression(expression) ||
    typescript.isAsExpression(expression)
  ) {
    return expression.expression;
  }
  if (typescript.isCallExpression(expression)) return expression.arguments[0];
  if (typescript.isArrowFunction(expression)) return resultOf(typescript, expression.body);
  return typescript.isIdentifier(expression) ? initialiser(typescript, file, expression.text) : undefined;
}

function resultOf(typescript: TypeScript, body: ts.ConciseBody): ts.Expression | undefined {
  if (!typescript.isBlock(body)) return body;
  const last = body.statements.at(-1);
  return last && typescript.isReturnStatement(last) ? last.expression : undefined;
}

function initialiser(typescript: TypeScript, file: ts.SourceFile, name: string): ts.Expression | undefined {
  return file.statements
    .filter(statement => typescript.isVariableStatement(statement))
    .flatMap(statement => [...statement.declarationList.declarations])
    .find(declaration => typescript.isIdentifier(declaration.name) && declaration.name.text === name)?.initializer;
}
