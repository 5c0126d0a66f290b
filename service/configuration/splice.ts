/** Replaces the characters from `from` to `to`. */
export interface Splice {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** A text after edits. */
export interface Edited {
  readonly text: string
  /** Where something at this offset stood before the edits; for what is new, the place that it was put at. */
  origin(offset: number): number
}

/** Applies replacements that do not overlap. */
export function splice(text: string, splices: readonly Splice[]): Edited {
  const ordered = splices.toSorted((a, b) => a.from - b.from || a.to - b.to)
  let result = ''
  let at = 0
  for (const { from, to, text: added } of ordered) {
    result += text.slice(at, from) + added
    at = to
  }
  return {
    text: result + text.slice(at),
    origin(offset) {
      let shift = 0
      for (const { from, to, text: added } of ordered) {
        const begins = from + shift
        if (offset < begins) break
        if (offset < begins + added.length) return from
        shift += added.length - (to - from)
      }
      return offset - shift
    },
  }
}

/** Two edits after one another. */
export function chain(first: Edited, second: Edited): Edited {
  return { text: second.text, origin: (offset) => first.origin(second.origin(offset)) }
}

/** Start and end of the line that an offset is in; the end is before the line feed. */
export function lineAt(text: string, offset: number): readonly [from: number, to: number] {
  const end = text.indexOf('\n', offset)
  return [offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1, end < 0 ? text.length : end]
}
