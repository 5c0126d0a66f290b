import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { foreignFiles, foreignFolder, haveForeign, importBytes, importForeign, load } from './support.ts'

/** Files that hold no registers, or are broken on purpose, with the word that the sentence must contain. */
const refused: Readonly<Record<string, RegExp>> = {
  'edgex/configuration.yaml': /deviceResources/,
  'pythonprotocolgateway/eg4_v58.json': /import the table of registers beside it/,
  'solarman-legacy/Afore_BNTxxxKTL-2mppt.yaml': /^Afore_BNTxxxKTL-2mppt\.yaml:8:\d+: this is not YAML/,
  'telegraf/field_request_too_short_issue_13482.telegraf.conf': /:8: .*UINT64 takes 4 registers/,
  'telegraf/sample_general_begin.conf': /no fields/,
  'volttron-modbus_tk/ion6200.csv': /:1: no column holds the addresses/,
  'volttron-modbus_tk/ion8600.csv': /:1: no column holds the addresses/,
  'volttron-modbus_tk/maps.yaml': /list of VOLTTRON maps/,
  'volttron-modbus_tk/watts_on.config': /VOLTTRON driver/,
}

const formats: Readonly<Record<string, string>> = {
  edgex: 'edgex',
  evcc: 'evcc',
  'growatt-csv': 'growatt-csv',
  'ha-modbus-yaml': 'home-assistant',
  'ha-solarman': 'ha-solarman',
  pythonprotocolgateway: 'python-protocol-gateway',
  'solarman-legacy': 'solarman',
  telegraf: 'telegraf',
  'thingsboard-gateway': 'thingsboard',
  'volttron-modbus_tk': 'volttron',
}

describe.skipIf(!haveForeign)('the maps of other programs (../shared/data/foreign-maps)', () => {
  it('are all there', () => {
    expect(foreignFiles()).toHaveLength(71)
  })

  it.each(foreignFiles())(
    '%s becomes a map that passes the checks, or is refused with place and reason',
    async (file) => {
      const result = await importForeign(file)
      const expected = refused[file]
      if (expected) {
        if (result.verdict === 'imported') throw new Error('it was imported')
        expect(`${result.place}: ${result.reason}`).toMatch(expected)
        expect(result.place).not.toBe('')
        return
      }
      const { map } = load(result)
      if (result.verdict === 'refused') return
      const { report, draft } = result
      expect(report.format).toBe(formats[file.split('/')[0]!])
      expect(Object.keys(map.points)).toHaveLength(report.counts.points)
      expect(report.counts.points).toBeGreaterThan(0)
      // Every point and everything left out says where it stands, and stands in the draft too.
      for (const { place, name } of report.points) {
        expect(place).toMatch(/^[^:]+(:\d+){0,2}$/)
        expect(map.points[name]).toBeDefined()
      }
      for (const { place, reason } of report.skipped) {
        expect(place).toMatch(/^[^:]+(:\d+){0,2}$/)
        expect(reason.length).toBeGreaterThan(5)
      }
      if (report.counts.skipped > 0) expect(draft).toContain(`Not imported, ${report.counts.skipped} in all`)
      for (const { key } of report.kept.slice(0, 50)) expect(draft).toContain(`${key}:`)
    },
  )

  it('loses no entry: what is no point was left out by name', async () => {
    const counts: Record<string, number> = {
      'telegraf/overflow_issue_14387.telegraf.conf': 108,
      'telegraf/sample_request.conf': 15,
      'edgex/modbus.test.device.profile.yml': 7,
      'ha-modbus-yaml/modbus_sungrow_SBR_battery.yaml': 40,
      'thingsboard-gateway/attrs_update_holding_registers_big.json': 24,
      'volttron-modbus_tk/battery_meter.csv': 74,
    }
    for (const [file, entries] of Object.entries(counts)) {
      const result = await importForeign(file)
      if (result.verdict === 'refused') throw new Error(result.reason)
      expect([file, result.report.counts.points + result.report.counts.skipped]).toEqual([file, entries])
    }
  })
})

const models = resolve(foreignFolder, '../sunspec-models/json')

describe.skipIf(!existsSync(models))('the models of SunSpec (../shared/data/sunspec-models)', () => {
  it('become maps that pass the checks', async () => {
    const files = readdirSync(models).filter((name) => /^model_\d+\.json$/.test(name))
    expect(files.length).toBeGreaterThan(100)
    for (const file of files.filter((_, index) => index % 4 === 0)) {
      const result = await importBytes(readFileSync(join(models, file)), file)
      if (result.verdict === 'refused') throw new Error(`${file}: ${result.reason}`)
      expect([file, result.report.format]).toEqual([file, 'sunspec-json'])
      const number = Number(/\d+/.exec(file))
      for (const { sunspec } of Object.values(load(result).map.points))
        expect([file, sunspec?.model]).toEqual([file, number])
    }
  }, 60_000)
})
