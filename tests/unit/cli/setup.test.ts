import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../../service/cli/run.ts'
import { createTestUnit } from '../../drivers/support/test-device.ts'
import { startTestServer } from '../../drivers/support/test-server.ts'
import { hasTerminal, openTerminal, type TerminalSession } from './terminal-session.ts'
import { fakeTerminal } from './terminal.ts'

const sample = resolve(import.meta.dirname, '../setup/sample-answers.yaml')
let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'r-ems-setup-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fileIn = (at: string, name: string): string => readFileSync(join(at, name), 'utf8')

async function ctl(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const { terminal, out, err } = fakeTerminal()
  const status = await run(['setup', ...args], terminal)
  return { status, out: out(), err: err() }
}

/** Questions with what a person types at them, for the site of the sample. */
const installation = [
  ['Name of the installation: ', 'Depot Nord'],
  ['Time zone [UTC]: ', 'Europe/Berlin'],
  ['Mode', ''],
] as const
const meter = [
  ['a adds a device', 'a'],
  ['Name: ', 'Grid meter'],
  ['Device ID [grid-meter]: ', ''],
  ['Role', 'grid-meter'],
  ['Point map: ', 'sdm630'],
  ['Connection: ', 'tcp://10.0.0.1'],
  ['Unit ID [1]: ', ''],
  ['Phases', '2 3 1'],
  ['Read it now [no]: ', ''],
] as const
const wallbox = [
  ['a adds a device', 'a'],
  ['Name: ', 'Wallbox'],
  ['Device ID [wallbox]: ', '?'],
  ['small letters, digits and dashes', ''],
  ['Role', '5'],
  ['Point map: ', 'alfen/eve'],
  ['Connection: ', '10.0.0.2'],
  ['Expected tcp://', 'tcp://10.0.0.2'],
  ['Unit ID [1]: ', '300'],
  ['at most 255', '1'],
  ['Phases', ''],
  ['Read it now [no]: ', 'n'],
  ['Highest charging current', '32'],
  ['Charging mode', ''],
  ['Priority', '2'],
  ['More settings', ''],
] as const
const rest = [
  ['a adds a device', ''],
  ['Take it [yes]: ', 'y'],
  ['a adds a grid', '1'],
  ['Name [Grid]: ', ''],
  ['Grid ID [grid]: ', ''],
  ['Phases', ''],
  ['More settings', ''],
  ['Name [Grid connection]: ', ''],
  ['Circuit ID [main]: ', ''],
  ['Fuse per phase in A: ', '63'],
  ['Import limit in W: ', ''],
  ['Export limit in W: ', '0'],
  ['Meter (1 grid-meter) [grid-meter]: ', ''],
  ['More settings', ''],
  ['a adds a circuit below it', 'a'],
  ['Name: ', 'Parking'],
  ['Circuit ID [parking]: ', ''],
  ['Fuse per phase in A: ', ''],
  ['Import limit in W: ', ''],
  ['Export limit in W: ', ''],
  ['More settings', ''],
  ['a adds a circuit below it', ''],
  ['a adds a grid', ''],
  ['Circuit of Wallbox (1 main, 2 parking): ', '2'],
  ['Price of import, per kWh [0.3]: ', '0,32'],
  ['Price of export, per kWh [0.08]: ', ''],
  ['15-minute peak in W: ', ''],
  ['More settings', ''],
  ['Port on this machine [8080]: ', ''],
  ['Address on the network: ', '0.0.0.0:8443'],
  ['More names for the certificate', ''],
  ['a adds a controller', 'a'],
  ['Controller: ', 'edge-a'],
  ['Address: ', ''],
  ['a adds a controller', 'a'],
  ['Controller: ', 'edge-b'],
  ['Address: ', ''],
  ['a adds a controller', ''],
  ['a adds an account', 'a'],
  ['User name: ', 'maria'],
  ['Role', 'installer'],
  ['a adds an account', ''],
  ['Licence file: ', ''],
  ['Write the files [yes]: ', ''],
] as const

async function converse(terminal: TerminalSession, turns: readonly (readonly [string, string])[]): Promise<void> {
  for (const [question, typed] of turns) await terminal.answer(question, typed)
}

// Every run reads the whole library of maps.
describe('r-emsctl setup with --answers', { timeout: 60_000 }, () => {
  it('writes the same files every time, and says nothing is different the second time', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')]
    expect(await ctl('new', one, '--answers', sample)).toMatchObject({ status: 0, err: '' })
    expect(await ctl('new', two, '--answers', sample, '--json')).toMatchObject({
      status: 0,
      out: `${JSON.stringify({ written: [join(two, 'site.yaml'), join(two, 'edge.yaml')] })}\n`,
    })
    for (const name of ['site.yaml', 'edge.yaml']) expect(fileIn(two, name)).toBe(fileIn(one, name))
    expect((await ctl('edit', one, '--answers', sample)).out).toMatch(/^Nothing is different/)
    expect((await ctl('new', one, '--answers', sample)).err).toMatch(/already has a site.*setup edit/)
    expect((await ctl('edit', join(folder, 'three'), '--answers', sample)).err).toMatch(/has no site.*setup new/)
  })

  it.each([
    ['devices: []\n', /answers\.yaml:1:1: devices: expected at least 1 entries/],
    ['installation: { name: Site, password: x }\n', /answers\.yaml:1:\d+: .*unknown key "password"/],
    ['a: &a [x]\nb: *a\n', /unknown key "a"/],
    ['{ "installation": ', /answers\.yaml:\d+:\d+/],
  ])('%# says where bad answers are wrong, and writes nothing', async (text, message) => {
    const file = join(folder, 'answers.yaml')
    writeFileSync(file, text)
    const site = join(folder, 'site')
    const ran = await ctl('new', site, '--answers', file)
    expect(ran).toMatchObject({ status: 1, out: '', err: expect.stringMatching(message) })
    expect(() => readFileSync(join(site, 'site.yaml'))).toThrow('ENOENT')
  })

  it('asks nobody where there is nobody', async () => {
    expect(await ctl('new', folder)).toMatchObject({ status: 2, err: expect.stringContaining('--answers FILE') })
  })
})

describe.runIf(hasTerminal)('r-emsctl setup in a terminal', () => {
  it(
    'goes on after the line was lost and after Ctrl-C, and writes what --answers writes',
    { timeout: 120_000 },
    async () => {
      const site = join(folder, 'asked')
      {
        await using terminal = openTerminal(['setup', 'wizard', site])
        await converse(terminal, [...installation, ...meter])
        await terminal.sees('a adds a device')
        await terminal.hangUp()
      }
      {
        await using terminal = openTerminal(['setup', 'wizard', site])
        await terminal.sees('it goes on with the answers so far')
        await converse(terminal, [
          ['Name of the installation [Depot Nord]: ', ''],
          ['Time zone [Europe/Berlin]: ', '<'],
          ['Name of the installation [Depot Nord]: ', ''],
          ['Time zone [Europe/Berlin]: ', ''],
          ['Mode', ''],
          ...wallbox,
        ])
        await terminal.sees('a adds a device')
        terminal.press('Ctrl-C')
        await terminal.sees('The answers are kept in')
        expect(await terminal.ended).not.toBe(0)
      }
      await using terminal = openTerminal(['setup', 'new', site])
      await converse(terminal, [
        ['Name of the installation [Depot Nord]: ', ''],
        ['Time zone [Europe/Berlin]: ', ''],
        ['Mode', ''],
        ...rest,
      ])
      await terminal.sees('r-emsctl user add maria --role installer')
      expect(await terminal.ended).toBe(0)

      const given = join(folder, 'given')
      await ctl('new', given, '--answers', sample)
      for (const name of ['site.yaml', 'edge.yaml']) expect(fileIn(site, name)).toBe(fileIn(given, name))
      expect(() => fileIn(site, 'drafts/setup.yaml')).toThrow('ENOENT')
    },
  )

  it('shows what a device says beside the choice, and asks it only when told to', { timeout: 120_000 }, async () => {
    // 230.5 V as float32 in the first two registers, zero in all others.
    await using device = await startTestServer('tcp', { 1: createTestUnit({ ...flat(400), 0: 0x4366, 1: 0x8000 }) })
    await using terminal = openTerminal(['setup', 'new', join(folder, 'site')])
    await converse(terminal, [
      ...installation,
      ...meter.slice(0, 5),
      ['Connection: ', device.url],
      ...meter.slice(6, 8),
    ])
    await terminal.sees('Read it now [no]: ')
    expect(device.seen).toEqual([])
    terminal.type('y')
    await terminal.sees('voltageV.l1')
    await terminal.sees('230.5')
    await converse(terminal, [
      ['Read it now [no]: ', ''],
      ['a adds a device', '.'],
    ])
    await terminal.sees('The answers are kept in')
    // Nothing but questions.
    expect(device.seen.filter(({ pdu }) => ![3, 4].includes(pdu[0] ?? 0))).toEqual([])
  })
})

const flat = (count: number): Record<number, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [at, 0]))
