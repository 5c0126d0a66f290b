/** One line of two texts laid over each other. */
export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed'
  readonly text: string
  /** In the old text, from 1. */
  readonly before: number | undefined
  /** In the new text, from 1. */
  readonly after: number | undefined
}

/** Cells of the table that finds the longest common part; beyond, everything between the common ends is replaced. */
const mostCells = 4_000_000

/** What was added and removed by line; the common lines are as many as possible. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const same = (from: number, count: number, shift: number): DiffLine[] =>
    a
      .slice(from, from + count)
      .map((text, index) => ({ kind: 'same', text, before: from + index + 1, after: from + index + 1 + shift }))
  return [
    ...same(0, head, 0),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head),
    ...same(a.length - tail, tail, b.length - a.length),
  ]
}

function middle(a: readonly string[], b: readonly string[], head: number): DiffLine[] {
  const removed = (index: number): DiffLine => ({
    kind: 'removed',
    text: a[index] ?? '',
    before: head + index + 1,
    after: undefined,
  })
  const added = (index: number): DiffLine => ({
    kind: 'added',
    text: b[index] ?? '',
    before: undefined,
    after: head + index + 1,
  })
  const width = b.length + 1
  if ((a.length + 1) * width > mostCells)
    return [...a.map((_, index) => removed(index)), ...b.map((_, index) => added(index))]
  // longest[i, j]: lines that a from i on and b from j on have in common, in order.
  const longest = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!)
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i] ?? '', before: head + i + 1, after: head + j + 1 })
      i++
      j++
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!))
      lines.push(removed(i++))
    else lines.push(added(j++))
  }
  return lines
}
