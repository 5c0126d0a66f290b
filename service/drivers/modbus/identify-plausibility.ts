import { decodePoint } from '../../pointmap/codec.ts'
import { planReads, type ReadCosts, splitBlock } from '../../pointmap/plan.ts'
import type { ReadBlock, RegisterFunction, ResolvedMap, ResolvedPoint } from '../../pointmap/types.ts'
import { shownValue } from './identify-probes.ts'
import type { Score } from './identify-score.ts'
import type { Answer, ReadRequest } from './pdu.ts'
import type { FillableImage } from './register-image.ts'

/** Enough to see whether a map fits, few enough to be polite on a slow line. */
const mostRequests = 10
/** Weight of a map that explains very many registers; ten give half of it. */
const fullWeight = 0.4
const halfAt = 10
const doubtWeight = 0.4

/** Values that a person recognises at a glance. */
const telling = /(^|\.)(voltageV|frequencyHz|socPercent|temperatureC)(\.|$)/

const codes: Readonly<Record<RegisterFunction, 1 | 2 | 3 | 4>> = { coil: 1, discrete: 2, holding: 3, input: 4 }

export interface MapReader {
  readonly image: FillableImage
  readonly costs: ReadCosts
  ask(request: ReadRequest): Promise<Answer>
}

/** Reads registers of points into the image with a few requests. Returns the points that were read, and those refused. */
export async function readPoints(
  map: ResolvedMap,
  points: readonly ResolvedPoint[],
  { image, costs, ask }: MapReader,
): Promise<{ readonly read: readonly ResolvedPoint[]; readonly refused: readonly ResolvedPoint[] }> {
  const read: ResolvedPoint[] = []
  const refused: ResolvedPoint[] = []
  const blocks = [...planReads(points, map.quirks, { costs })]
  for (let requests = 0; blocks.length > 0 && requests < mostRequests;) {
    const block = blocks.shift()!
    if (!isKnown(block, image)) {
      requests++
      const answer = await ask(requestOf(block))
      const words = answer.kind === 'words' ? answer.words : answer.kind === 'bits' ? answer.bits : undefined
      if (words) image.put({ function: block.function, address: block.address, words })
      else if (answer.kind === 'exception') {
        // One register that the device lacks hides the others of its block.
        const halves = splitBlock(block)
        if (halves) blocks.push(...halves)
        else refused.push(...block.points)
        continue
      }
      // Silence costs more than it can tell.
      else break
    }
    read.push(...block.points)
  }
  return { read, refused }
}

const requestOf = ({ function: fn, address, count }: ReadBlock): ReadRequest => ({ fn: codes[fn], address, count })

function isKnown({ function: fn, address, count }: ReadBlock, image: FillableImage): boolean {
  for (let at = address; at < address + count; at++) if (image.word(fn, at) === undefined) return false
  return true
}

/**
 * Reads a part of what a map describes and adds whether it makes sense. A register full of zeros or ones says nothing; one
 * that is missing or implausible speaks against the map. A map that explains more of the device wins over one that explains
 * less of it.
 */
export async function judgePlausibility(map: ResolvedMap, score: Score, reader: MapReader): Promise<void> {
  const measured = map.points.filter(({ pollGroup, asText }) => pollGroup !== 'once' && !asText)
  const { read, refused } = await readPoints(map, measured, reader)
  let sample = ''
  let good = 0
  let bad = refused.length + Object.keys(map.loaded.map.points).filter((name) => map.missing.has(name)).length
  for (const point of new Set(read)) {
    const decoded = decodePoint(point, reader.image)
    if (decoded.raw.length === 0 || decoded.raw.every((word) => word === 0 || word === 0xffff)) continue
    if (!decoded.ok) {
      if (decoded.reason !== 'not available') bad++
      continue
    }
    good++
    if (telling.test(point.name)) sample ||= `, such as ${point.name} ${shownValue(decoded.value)} ${point.unit}`
  }
  if (good + bad === 0) return
  const share = good / (good + bad)
  const text = `${good} of ${good + bad} points of the map read plausible values${sample}`
  if (share >= 0.5) score.supports.push({ weight: fullWeight * share * (good / (good + halfAt)), text })
  else score.doubts.push({ weight: doubtWeight * (1 - share), text: `only ${text}` })
}
