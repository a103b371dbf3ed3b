import { type Block, blocksOf } from './markdown.js';

/** A block that runs, with the block that shows its output. */
export interface Step {
  readonly block: Block;
  readonly kind: 'ts' | 'sql' | 'sh';
  readonly output: Block | undefined;
}

export interface Document {
  readonly name: string;
  readonly lineCount: number;
  readonly steps: readonly Step[];
  /** Shell blocks whose commands are looked up instead of run. */
  readonly commands: readonly Block[];
  readonly json: readonly Block[];
  /** Blocks that no rule covers, each as `document:line what is wrong and what to write instead`. */
  readonly problems: readonly string[];
}

const SHELLS = ['bash', 'sh', 'shell'];
const OUTPUTS = ['text', 'console'];

/** Sorts the blocks of a document into what runs, what is looked up, and what is expected. */
export function readDocument(name: string, text: string): Document {
  const blocks = blocksOf(name, text);
  const shown = blocks.filter(block => !block.words.includes('plain') && block.language !== 'mermaid');
  const outputs = shown.filter(isOutput);
  const steps = shown.filter(block => !isOutput(block)).flatMap(block => stepOf(block, outputs, shown) ?? []);
  return {
    name,
    lineCount: text.split('\n').length,
    steps,
    commands: shown.filter(block => SHELLS.includes(block.language) && !block.words.includes('run')),
    json: shown.filter(block => ['json', 'jsonc'].includes(block.language) && !isOutput(block)),
    problems: [
      ...blocks.flatMap(block => problemOf(block) ?? []),
      ...outputs.filter(output => !steps.some(step => step.output === output)).map(lostOutput),
    ],
  };
}

function isOutput(block: Block): boolean {
  return OUTPUTS.includes(block.language) || block.words.includes('output');
}

function stepOf(block: Block, outputs: readonly Block[], shown: readonly Block[]): Step | undefined {
  const kind = kindOf(block);
  if (!kind) return undefined;
  const next = shown.find(other => other.opens > block.opens && !other.isHidden);
  const output = next && outputs.includes(next) && next.section === block.section && !block.isHidden ? next : undefined;
  return { block, kind, output };
}

function kindOf({ language, words }: Block): Step['kind'] | undefined {
  if (language === 'ts' || language === 'typescript') return 'ts';
  if (language === 'sql') return 'sql';
  return SHELLS.includes(language) && words.includes('run') ? 'sh' : undefined;
}

function problemOf(block: Block): string | undefined {
  const where = `${block.document}:${block.opens}`;
  const isPlain = block.words.includes('plain');
  if (isPlain && ['ts', 'typescript', 'sql'].includes(block.language)) {
    return `${where} shows ${block.language} that does not run. Take "plain" away, or show it as text.`;
  }
  const isKnown = ['ts', 'typescript', 'sql', 'json', 'jsonc', 'mermaid', ...SHELLS, ...OUTPUTS].includes(
    block.language,
  );
  if (isKnown || isPlain || isOutput(block)) return undefined;
  return `${where} is a block of "${block.language}", which nothing checks. Add the word "plain" if it only shows something.`;
}

function lostOutput(output: Block): string {
  return (
    `${output.document}:${output.opens} is the output of no block: the block before it under the same heading does not run. ` +
    `Put it after the block that prints it, or add the word "plain" if it only shows something.`
  );
}
