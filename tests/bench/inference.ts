import { emptyScore, heldOutPriors, type Score, scoreMap, scoreUnit } from '../unit/commissioning/inference/evaluate.ts'
import { libraryMaps } from '../unit/commissioning/inference/library-maps.ts'
import { recordedDevices, recordedHere } from '../unit/commissioning/inference/recorded.ts'

/**
 * How often the type, word order and scale of a value are found: each map of the library with synthetic values, and recorded
 * devices, always without anything of the same vendor in what is learned from the library.
 */
const seeds = [1, 2, 3]
const maps = libraryMaps()
const priors = heldOutPriors(maps)

const percent = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.round((1000 * part) / whole) / 10

function summary(score: Score) {
  const confusion: Record<string, number> = {}
  for (const { is, said } of score.misses) {
    const key = `${is.replace(/:\d+/, '')} taken for ${said.replace(/:\d+/, '')}`
    confusion[key] = (confusion[key] ?? 0) + 1
  }
  return {
    asked: score.asked,
    top1Percent: percent(score.first, score.asked),
    top3Percent: percent(score.firstThree, score.asked),
    scaleAsked: score.scaled,
    scaleFirstPercent: percent(score.scaleFirst, score.scaled),
    scaleShownPercent: percent(score.scaleShown, score.scaled),
    orderErrors: score.misses
      .filter(({ orderOnly }) => orderOnly)
      .map(({ map, point, address, is, said, place }) => ({ map, point, address, is, said, place })),
    notInTop3: score.misses
      .filter(({ place }) => place === 0 || place > 3)
      .map(({ map, point, address, is, said }) => ({ map, point, address, is, said })),
    mostMistaken: Object.fromEntries(
      Object.entries(confusion)
        .toSorted(([, a], [, b]) => b - a)
        .slice(0, 12),
    ),
    notAsked: score.excluded,
  }
}

const startedMs = performance.now()
const library = emptyScore()
const vendors = new Map<string, Score>()
for (const seed of seeds)
  for (const [index, map] of maps.entries()) {
    const own = vendors.get(map.map.maker) ?? emptyScore()
    vendors.set(map.map.maker, own)
    for (const score of [library, own]) scoreMap(map, seed * 1000 + index, priors(map.map.maker), score)
  }
const recorded = emptyScore()
if (recordedHere)
  for (const { vendor, units } of recordedDevices()) for (const unit of units) scoreUnit(unit, priors(vendor), recorded)
const known = [...vendors].filter(([, { asked }]) => asked > 0)
process.stdout.write(
  `${JSON.stringify(
    {
      bench: 'inference',
      seeds,
      library: summary(library),
      vendors: Object.fromEntries(
        known.map(([vendor, { asked, first, firstThree }]) => [
          vendor,
          { asked, top1Percent: percent(first, asked), top3Percent: percent(firstThree, asked) },
        ]),
      ),
      meanOfVendors: {
        top1Percent: percent(
          known.reduce((sum, [, { first, asked }]) => sum + first / asked, 0),
          known.length,
        ),
        top3Percent: percent(
          known.reduce((sum, [, { firstThree, asked }]) => sum + firstThree / asked, 0),
          known.length,
        ),
      },
      recorded: recordedHere ? summary(recorded) : 'the recorded devices are not on this machine',
      seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    },
    undefined,
    1,
  )}\n`,
)
