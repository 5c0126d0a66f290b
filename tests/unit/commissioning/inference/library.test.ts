import { describe, expect, it } from 'vitest'
import { emptyScore, heldOutPriors, scoreMap, scoreUnit } from './evaluate.ts'
import { libraryMaps } from './library-maps.ts'
import { recordedDevices, recordedFolder, recordedHere } from './recorded.ts'

describe('types of the library, the vendor held out', { timeout: 240_000 }, () => {
  const maps = libraryMaps()
  const priors = heldOutPriors(maps)

  it('are first in 85 of 100 and among the first three in 97 of 100', () => {
    const seed = 1
    const score = emptyScore()
    for (const [index, map] of maps.entries()) scoreMap(map, seed * 1000 + index, priors(map.map.maker), score)
    expect(score.asked).toBeGreaterThan(2000)
    expect(score.first / score.asked).toBeGreaterThanOrEqual(0.85)
    expect(score.firstThree / score.asked).toBeGreaterThanOrEqual(0.97)
    expect(score.misses.filter(({ orderOnly }) => orderOnly).length / score.asked).toBeLessThan(0.01)
  })

  it('knows nothing of the vendor that is asked about', () => {
    const own = maps.filter(({ map }) => map.maker === 'GivEnergy').length
    expect(own).toBeGreaterThan(5)
    expect(priors('GivEnergy').maps).toBe(maps.length - own)
  })

  it.skipIf(!recordedHere)(`finds the types of recorded devices among the first three (${recordedFolder})`, () => {
    const score = emptyScore()
    for (const { vendor, units } of recordedDevices()) for (const unit of units) scoreUnit(unit, priors(vendor), score)
    expect(score.asked).toBeGreaterThan(400)
    // One reading of a device in which much reads 0: where nothing moves, a zero can be half of anything.
    expect(score.firstThree / score.asked).toBeGreaterThanOrEqual(0.9)
  })
})
