import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SimulatedPlant, startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { openStorage } from '../../service/storage/storage.ts'
import { realClock } from '../drivers/support/clock.ts'
import { runCtl } from './r-emsctl.ts'
import { root } from './service-process.ts'

describe('r-emsctl with a device of its own', () => {
  let plant: SimulatedPlant
  let folder: string
  let environment: NodeJS.ProcessEnv
  const on = (device: 'battery' | 'meter' | 'inverter', unit = '1') => [
    '--bus',
    `tcp://127.0.0.1:${plant.devices[device]!.port}`,
    '--unit',
    unit,
  ]
  const ctl = (...args: string[]) => runCtl(args, environment)

  beforeAll(async () => {
    plant = await startSimulatedPlant({ clock: realClock })
    folder = mkdtempSync(join(tmpdir(), 'r-ems-cli-'))
    environment = { R_EMS_API_PORT: '0', R_EMS_DATA_DIR: folder }
  })
  afterAll(async () => {
    await plant[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('reads a device that it identifies by itself', async () => {
    const ran = await ctl('read', ...on('meter'), '--json')
    expect(ran.stderr).toContain('unit 1 is eastron/sdm630')
    expect(ran.status).toBe(0)
    const { points, ...rest } = ran.json() as { points: Record<string, { value: number; quality: string }> }
    expect(rest).toEqual({ unitId: 1, map: 'eastron/sdm630' })
    expect(points['voltageV.l1']!.value).toBeGreaterThan(200)
    expect(Object.values(points).filter(({ quality }) => quality !== 'good')).toEqual([])
  })

  it.each([
    ['ABCD', 0x016e3b39],
    ['big', 0x016e3b39],
    ['CDAB', 0x3b39016e],
    ['little', 0x3b39016e],
    ['BADC', 0x6e01393b],
    ['DCBA', 0x393b6e01],
  ])('decodes registers in the order %s', async (order, expected) => {
    const place = ['registers', ...on('meter'), '--address', '64512', '--json']
    const ran = await ctl(...place, '--type', 'uint32', '--order', order, '--scale', '2')
    expect(ran.json()).toEqual({
      registers: [
        { address: 64_512, raw: 0x016e },
        { address: 64_513, raw: 0x3b39 },
      ],
      value: 2 * expected,
    })
  })

  it('walks SunSpec models and decodes them', async () => {
    const ran = await ctl('sunspec', ...on('inverter'), '--json')
    expect(ran.json()).toMatchObject({
      base: 40_000,
      models: [
        { model: 1, length: 66, points: { Mn: { value: 'R-EMS' }, SN: { value: 'SIM-PV-0001' } } },
        { model: 103, points: { Hz: { unit: 'Hz' } } },
        { model: 120 },
        { model: 123 },
      ],
      warnings: [],
    })
    const none = await ctl('sunspec', ...on('meter'))
    expect([ran.status, none.status]).toEqual([0, 1])
  })

  it('writes with a journal of its own, and refuses what must not be written', async () => {
    const command = ['write', ...on('battery'), '--map', 'r-ems/demo-battery', '--command', 'setPowerW', '--value']
    const unasked = await ctl(...command, '700')
    const good = await ctl(...command, '700', '--yes', '--json')
    expect(good.json()).toMatchObject({ outcome: 'confirmed', after: { points: { setpointW: { value: 700 } } } })
    const register = [
      'write',
      ...on('battery'),
      '--register',
      '202',
      '--fc',
      '6',
      '--min',
      '0',
      '--max',
      '30',
      '--yes',
      '--json',
    ]
    const unarmed = await ctl(...register, '--value', '20')
    const beyond = await ctl(...register, '--value', '31', '--armed')
    const wide = await ctl(...register, '--value', '20', '--armed', '--type', 'uint32')
    const armed = await ctl(...register, '--value', '20', '--armed')
    expect(armed.json()).toMatchObject({ outcome: 'confirmed', after: { registers: [{ address: 202, raw: 20 }] } })
    expect([unasked, good, unarmed, beyond, wide, armed].map(({ status }) => status)).toEqual([5, 0, 5, 5, 5, 0])

    const workerUrl = pathToFileURL(join(root, 'out/service/storage-worker.js'))
    await using storage = await openStorage({ folder, workerUrl, clock: realClock })
    const entries = await storage.journal.entries({ limit: 50, kind: 'write' })
    expect(entries.map(({ outcome, value }) => [outcome, value]).toReversed()).toEqual([
      ['attempt', 700],
      ['confirmed', 700],
      ['refused', 20],
      ['refused', 31],
      ['refused', 20],
      ['attempt', 20],
      ['confirmed', 20],
    ])
    expect(new Set(entries.map(({ principal }) => principal))).toEqual(new Set([`cli:${userInfo().username}`]))
    await expect(storage.journal.verify()).resolves.toMatchObject({ ok: true })
  })

  it.skipIf(spawnSync('script', ['--version']).status !== 0).each([
    ['y\r', 0, 'read back equal'],
    ['n\r', 5, 'not confirmed'],
    // End of input, then Ctrl-C.
    ['\u0004', 5, 'not confirmed'],
    ['\u0003', 5, 'not confirmed'],
  ])('asks the person at a terminal; on %j it ends with %i', async (typed, code, words) => {
    const wanted = ['--map', 'r-ems/demo-battery', '--command', 'setPowerW', '--value', '300']
    const program = [process.execPath, join(root, 'out/service/r-emsctl.js'), 'write', ...on('battery'), ...wanted]
    const child = spawn('script', ['-qec', program.join(' '), '/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, ...environment },
    })
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => {
      const before = seen
      seen += chunk.toString()
      if (!before.includes('[y/N]') && seen.includes('[y/N]')) child.stdin.write(typed)
    })
    await once(child, 'close')
    expect(seen).toContain(words)
    expect(child.exitCode).toBe(code)
  })

  it('does not write without a journal', async () => {
    const blocked = { ...environment, R_EMS_DATA_DIR: '/dev/null/r-ems' }
    const command = [
      'write',
      ...on('battery'),
      '--map',
      'r-ems/demo-battery',
      '--command',
      'setPowerW',
      '--value',
      '1',
      '--yes',
    ]
    const ran = await runCtl(command, blocked)
    expect(ran.stderr).toContain('no write without a journal')
    expect(ran.status).toBe(5)
  })

  it.each([
    ['an unknown command', ['reed'], 2],
    ['a missing bus', ['read', '--unit', '1'], 2],
    ['a bus that is none', ['identify', '--bus', 'http://x', '--unit', '1'], 2],
    ['a unit that is none', ['read', '--bus', 'tcp://127.0.0.1:1', '--unit', '256'], 2],
    ['an unknown map', ['read', '--bus', 'tcp://127.0.0.1:1', '--unit', '1', '--map', 'eastron/sdm63'], 2],
    [
      'a function that writes',
      ['registers', '--bus', 'tcp://127.0.0.1:1', '--unit', '1', '--fc', '6', '--address', '1'],
      2,
    ],
    [
      'a serial port that is not there',
      ['read', '--bus', 'rtu:///dev/none', '--unit', '1', '--map', 'eastron/sdm630'],
      3,
    ],
    ['a closed port', ['identify', '--bus', 'tcp://127.0.0.1:1', '--unit', '1'], 3],
  ])('ends with its code for %s', async (_, args, code) => {
    const ran = await ctl(...args)
    expect([ran.status, ran.stdout]).toEqual([code, ''])
    expect(ran.stderr).toMatch(/^r-emsctl/)
    expect(ran.stderr).not.toMatch(/\n\s+at /)
  })

  it('reports a device that refuses everything with code 4', async () => {
    const ran = await ctl('read', ...on('battery'), '--map', 'alfen/eve')
    expect(ran.status).toBe(4)
    expect(ran.stderr).toContain('illegal')
  })

  it('watches until Ctrl-C, and then ends cleanly', async () => {
    const args = ['read', ...on('meter'), '--map', 'eastron/sdm630', '--point', 'powerW', '--watch', '--json']
    const child = spawn(process.execPath, [join(root, 'out/service/r-emsctl.js'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    expect(JSON.parse(line.toString())).toMatchObject({ points: { powerW: { quality: 'good' } } })
    child.kill('SIGINT')
    await once(child, 'close')
    expect([child.exitCode, child.signalCode, errors]).toEqual([0, null, ''])
  })
})
