import { describe, expect, test } from 'vitest'
import { quirks } from '../../../service/contract/point-map.ts'
import { checkPointMap } from '../../../service/pointmap/load.ts'
import { resolveMap } from '../../../service/pointmap/resolve.ts'
import { type FactPoint, functionOf, surveyPresent, surveyed, typeOf } from './library-survey.ts'

/** Facts that are no register: the walk of SunSpec models, which maps reach with `sunspec:`. */
const walks = new Set(['fronius-gen24', 'kostal-ksem', 'fimer-vsn', 'kaco-blueplanet'])

/** Ways to a device that have no transport, which LIBRARY.md lists. */
const withoutTransport = {
  'goodwe-et': ['udp_rtu'],
  'goodwe-dt': ['udp_rtu'],
  'deye-hybrid-3p': ['solarman_v5'],
  'deye-hybrid-1p': ['solarman_v5'],
  'abl-emh': ['ascii'],
}

const camel = (name: string) => `vendor.${name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())}`

/** Units of the survey in the words of the format; what else stands there is a remark. */
const units: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['W', 'kWh', 'V', 'A', 'Hz', 'VA', 'var', 's', '%'].map((unit) => [unit, unit])),
  degC: '°C',
  'W/m2': 'W/m²',
}
const unitOf = ({ unit }: FactPoint) => (units[unit] === undefined ? '' : `, unit: '${units[unit]}'`)

function pointLine(fact: FactPoint): string {
  const { type, little, scaleFactor } = typeOf(fact.type)
  const fn = functionOf[fact.fc]
  const numeric = /^(u?int|float|acc)/.test(type)
  return [
    `  ${camel(fact.name)}: { function: ${fn}, address: ${fact.address}`,
    fn === 'coil' ? '' : `, type: '${type}'`,
    little ? ', wordOrder: little' : '',
    scaleFactor === undefined ? '' : `, scaleFactor: ${scaleFactor}`,
    numeric && fact.scale !== 1 ? `, scale: ${fact.scale}` : '',
    numeric ? unitOf(fact) : '',
    ", overlapReason: 'two hardware versions' }",
  ].join('')
}

describe.skipIf(!surveyPresent)('format 1 carries the surveyed devices (skipped without ../shared/facts)', () => {
  test('every register of every device becomes a point that means the same', () => {
    let carried = 0
    for (const { id, points } of surveyed) {
      const facts = points.filter(({ type }) => !type.startsWith('model-walk'))
      expect(facts.length < points.length, `${id} is reached by a SunSpec walk`).toBe(walks.has(id))
      if (facts.length === 0) continue
      const text = `format: 1\nmaker: Any\nmodel: ${id}\nkind: meter\npoints:\n${facts.map(pointLine).join('\n')}\n`
      const check = checkPointMap(text, `maps/any/${id}.yaml`, () => undefined)
      expect(check.problems ?? [], `${id}\n${text}`).toEqual([])
      const resolved = resolveMap(check.loaded!)
      for (const fact of facts) {
        const point = resolved.points.find(({ name }) => name === camel(fact.name))!
        expect(point.function, `${id} ${fact.name}`).toBe(functionOf[fact.fc])
        expect(point.addresses[0], `${id} ${fact.name}`).toBe(fact.address)
        expect(point.wordOrder === 'little', `${id} ${fact.name}`).toBe(typeOf(fact.type).little)
        carried += 1
      }
    }
    expect(surveyed).toHaveLength(63)
    expect(carried).toBe(405)
  })

  test('the ways to a device are those the format has, but for the listed ones', () => {
    const known = new Set(['tcp', 'rtu', 'rtu_over_tcp', 'connect_delay_ms', 'request_gap_ms', 'timeout_ms'])
    const missing = surveyed.flatMap(({ id, transport }) => {
      const ways = Object.keys(transport).filter((way) => !known.has(way))
      return ways.length > 0 ? [[id, ways] as const] : []
    })
    expect(Object.fromEntries(missing)).toEqual(withoutTransport)
    expect(quirks.shape.framing.unwrap().options).toEqual(['modbus-tcp', 'rtu-over-tcp'])
  })

  test('every unit of the survey can be named', () => {
    for (const { id, transport } of surveyed) {
      const { baud, comset } = transport.rtu ?? {}
      if (typeof baud === 'number') expect(baud, id).toBeGreaterThanOrEqual(300)
      if (typeof comset === 'string') expect(comset, id).toMatch(/^[78][NEO][12]$/)
    }
  })
})
