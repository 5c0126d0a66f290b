export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed'
  readonly text: string
}

/** Beyond this many cells the common lines in the middle are not looked for. */
const mostCells = 4_000_000

/** Two texts line by line: the longest common subsequence stays, the rest was removed or added. */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const a = before.split('\n')
  const b = after.split('\n')
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  return [
    ...lines('same', a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...lines('same', a.slice(a.length - end)),
  ]
}

const lines = (kind: DiffLine['kind'], texts: readonly string[]): DiffLine[] => texts.map((text) => ({ kind, text }))

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const width = b.length + 1
  if (a.length * b.length > mostCells) return [...lines('removed', a), ...lines('added', b)]
  const common = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const found: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      found.push({ kind: 'same', text: a[i] ?? '' })
      i += 1
      j += 1
    } else if (at(i + 1, j) >= at(i, j + 1)) found.push({ kind: 'removed', text: a[i++] ?? '' })
    else found.push({ kind: 'added', text: b[j++] ?? '' })
  }
  return [...found, ...lines('removed', a.slice(i)), ...lines('added', b.slice(j))]
}

/** Only what changed, with a few lines around it; `undefined` where lines are left out. */
export function withContext(diff: readonly DiffLine[], around = 3): readonly (DiffLine | undefined)[] {
  const keep = diff.map((_, at) =>
    diff.slice(Math.max(0, at - around), at + around + 1).some(({ kind }) => kind !== 'same'),
  )
  const shown: (DiffLine | undefined)[] = []
  for (const [at, line] of diff.entries())
    if (keep[at]) shown.push(line)
    else if (shown.at(-1) !== undefined) shown.push(undefined)
  return shown
}
