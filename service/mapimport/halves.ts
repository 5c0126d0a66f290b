import type { Assumption, ForeignPoint } from './types.ts'

/** "Ppv1 H" and "Ppv1 L" (or "(high)" and "(low)") in two rows that follow one another are one value of 32 bits. */
const half = /^(.*?)[\s_(]*\b(h|high|hi)\b\)?\s*$/i
const lowHalf = /^(.*?)[\s_(]*\b(l|low|lo)\b\)?\s*$/i

/** What a name says without its last word; blanks and signs inside differ between the two rows in the field. */
const stemBy =
  (pattern: RegExp) =>
  (name: string): string | undefined =>
    pattern
      .exec(name.replaceAll('_', ' '))?.[1]
      ?.toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, '')
const stem = stemBy(half)
const lowStem = stemBy(lowHalf)

export function combineHalves(points: readonly ForeignPoint[], assumptions: Assumption[]): ForeignPoint[] {
  const combined: ForeignPoint[] = []
  let count = 0
  for (let at = 0; at < points.length; at += 1) {
    const high = points[at]!
    const low = points[at + 1]
    if (low && belong(high, low)) {
      combined.push({
        ...high,
        original: nameOf(high),
        keys: { ...high.keys, type: high.keys.type === 'int16' ? 'int32' : 'uint32' },
        kept: [...high.kept, ['low word', low.place]],
      })
      count += 1
      at += 1
    } else combined.push(high)
  }
  if (count > 0)
    assumptions.push({
      about: 'wordOrder',
      text: `${count} pairs of rows named H and L were joined to one value of 32 bits, the high word first.`,
    })
  return combined
}

const namesOf = ({ original, kept }: ForeignPoint): string[] => [
  original,
  ...kept.filter(([key]) => /name|title|description/i.test(key)).map(([, value]) => value),
]

function belong(high: ForeignPoint, low: ForeignPoint): boolean {
  const [a, b] = [high.keys, low.keys]
  if (
    typeof a.address !== 'number' ||
    b.address !== a.address + 1 ||
    (a.function ?? 'holding') !== (b.function ?? 'holding')
  )
    return false
  if (!/^u?int16$/.test(a.type ?? '') || !/^u?int16$/.test(b.type ?? '')) return false
  const stems = new Set(namesOf(high).flatMap((name) => stem(name) ?? []))
  return namesOf(low).some((name) => {
    const found = lowStem(name)
    return found !== undefined && found !== '' && stems.has(found)
  })
}

function nameOf(point: ForeignPoint): string {
  const found = half.exec(point.original.replaceAll('_', ' '))?.[1]?.trim()
  return found === undefined || found === '' ? point.original : found
}
