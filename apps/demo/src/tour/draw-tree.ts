/** Something in a tree: its name, what is said beside it, and what is in it. */
export interface TreeNode {
  readonly name: string;
  readonly note?: string;
  readonly children?: readonly TreeNode[];
}

/** A tree as rows for a table: branches and name, and the note. */
export function drawTree({ name, note = '', children = [] }: TreeNode): readonly (readonly [string, string])[] {
  const below = children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return drawTree(child).map(([line, of], row) => {
      const branch = row === 0 ? (isLast ? '└─ ' : '├─ ') : isLast ? '   ' : '│  ';
      return [branch + line, of] as const;
    });
  });
  return [[name, note], ...below];
}
