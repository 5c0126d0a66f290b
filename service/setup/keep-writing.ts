import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'

/** Beyond it, comparing lines would take too long; the file is then written in the usual way throughout. */
const mostCells = 16_000_000

/**
 * The edited text in the writing of the original: lines that the edit did not touch stay byte for byte. `before` and `after` are
 * the YAML library's own writing of both; where original and edit both differ from it, the edit holds.
 */
export function keepWriting(original: string, before: string, after: string): string {
  if (before === after) return original
  const base = before.split('\n')
  const own = original.split('\n')
  const edited = after.split('\n')
  const ownOf = matches(base, own)
  const editedOf = matches(base, edited)
  if (!ownOf || !editedOf) return after
  const shared = base.flatMap((_, line) => {
    const [inOwn = -1, inEdited = -1] = [ownOf[line], editedOf[line]]
    return inOwn < 0 || inEdited < 0 ? [] : [[line, inOwn, inEdited] as const]
  })
  const weave = (lineByLine: boolean): string => {
    const lines: string[] = []
    let [baseAt, ownAt, editedAt] = [0, 0, 0]
    // From one line that all three share to the next.
    for (const [line, inOwn, inEdited] of [...shared, [base.length, own.length, edited.length] as const]) {
      const part = base.slice(baseAt, line)
      const written = own.slice(ownAt, inOwn)
      const changed = edited.slice(editedAt, inEdited)
      if (isDeepStrictEqual(part, changed)) lines.push(...written)
      else lines.push(...(lineByLine && part.length === written.length ? rewritten(part, written, changed) : changed))
      if (line < base.length) lines.push(own[inOwn] ?? '')
      ;[baseAt, ownAt, editedAt] = [line + 1, inOwn + 1, inEdited + 1]
    }
    return lines.join('\n')
  }
  return [weave(true), weave(false)].find((text) => says(text, after)) ?? after
}

/** The edited lines, with the original's writing for those that are as before. */
function rewritten(part: readonly string[], written: readonly string[], changed: readonly string[]): readonly string[] {
  const lines = [...changed]
  for (const [at, inChanged] of matches(part, changed)?.entries() ?? [])
    if (inChanged >= 0) lines[inChanged] = written[at] ?? ''
  return lines
}

function says(text: string, other: string): boolean {
  try {
    return isDeepStrictEqual(parse(text), parse(other))
  } catch {
    return false
  }
}

/** For each line of `a` the line of `b` that it is, or -1: a longest common subsequence. Undefined when that takes too long. */
function matches(a: readonly string[], b: readonly string[]): Int32Array | undefined {
  const found = new Int32Array(a.length).fill(-1)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) found[start] = start++
  let [endA, endB] = [a.length, b.length]
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) found[--endA] = --endB
  const [rows, columns] = [endA - start, endB - start]
  if ((rows + 1) * (columns + 1) > mostCells) return undefined
  const lengths = new Uint16Array((rows + 1) * (columns + 1))
  const at = (row: number, column: number): number => lengths[row * (columns + 1) + column] ?? 0
  for (let row = rows - 1; row >= 0; row -= 1)
    for (let column = columns - 1; column >= 0; column -= 1)
      lengths[row * (columns + 1) + column] =
        a[start + row] === b[start + column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1))
  for (let row = 0, column = 0; row < rows && column < columns;) {
    if (a[start + row] === b[start + column]) found[start + row++] = start + column++
    else if (at(row + 1, column) >= at(row, column + 1)) row += 1
    else column += 1
  }
  return found
}
