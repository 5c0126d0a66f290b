import type { SetupFormName, SetupStep } from '#contract/setup.ts'
import { listOf, type Place, recordOf, valueAt } from '../setup/places.ts'
import { askForm, type Dialogue, type End, entryText, offer } from './setup-dialogue.ts'
import { askField } from './setup-field.ts'

const titles: Readonly<Record<SetupStep, string>> = {
  installation: 'Installation',
  devices: 'Devices',
  grids: 'Grids, circuits and fuses',
  economics: 'Prices and preferences',
  network: 'Network',
  controllers: 'Controllers, in the order in which they take over',
  accounts: 'Accounts; passwords are asked for at the end',
  license: 'Licence',
}
export const stepTitle = (step: SetupStep): string => titles[step]

export const askStep = (dialogue: Dialogue, step: SetupStep): Promise<End> => {
  switch (step) {
    case 'devices':
      return askDevices(dialogue)
    case 'grids':
      return askList(dialogue, ['grids'], 'grid', ['name', 'id'], (place) => askGrid(dialogue, place))
    case 'controllers':
      return askList(dialogue, ['controllers'], 'controller', ['name', 'address'], (place) =>
        askForm(dialogue, place, 'controller'),
      )
    case 'accounts':
      return askList(dialogue, ['accounts'], 'account', ['name', 'role'], (place) =>
        askForm(dialogue, place, 'account'),
      )
    default:
      return askForm(dialogue, [step], step)
  }
}

/** A list whose entries are added, changed and removed. */
async function askList(
  dialogue: Dialogue,
  base: Place,
  word: string,
  shown: readonly string[],
  askEntry: (place: Place) => Promise<End>,
): Promise<End> {
  if ((await offer(dialogue, ({ path }) => new RegExp(`^${base.join('\\.')}\\.\\d+$`).test(path))) === 'stop')
    return 'stop'
  for (;;) {
    const entries = listOf(dialogue.get(base))
    dialogue.say(
      entries.length === 0
        ? `  No ${word} yet.\n`
        : entries.map((entry, at) => `  ${at + 1}  ${entryText(entry, shown)}\n`).join(''),
    )
    const typed = (
      await dialogue.lines.ask(
        `a adds ${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}, a number changes one, d and a number removes it, Enter goes on: `,
      )
    )?.trim()
    if (typed === undefined || typed === '.') return 'stop'
    if (typed === '<') return 'back'
    if (typed === '') return 'next'
    const [, remove, number] = /^(d?)\s*(\d+)$/i.exec(typed) ?? []
    const at = typed.toLowerCase() === 'a' ? entries.length : Number(number) - 1
    if (!(at >= 0 && (at < entries.length || typed.toLowerCase() === 'a'))) {
      dialogue.say(`  "${typed}" is none of these.\n`)
      continue
    }
    if (remove) await dialogue.set([...base, at], undefined)
    else if ((await askEntry([...base, at])) === 'stop') return 'stop'
  }
}

async function askDevices(dialogue: Dialogue): Promise<End> {
  const ended = await askList(dialogue, ['devices'], 'device', ['name', 'role', 'map', 'connection'], (place) =>
    askDevice(dialogue, place),
  )
  return ended === 'next' ? offer(dialogue, ({ step }) => step === 'devices') : ended
}

const settingsOf: Readonly<Record<string, SetupFormName>> = {
  battery: 'battery',
  charger: 'charger',
  load: 'load',
  pv: 'pv',
}

async function askDevice(dialogue: Dialogue, place: Place): Promise<End> {
  const others = listOf(dialogue.get(['devices'])).filter((_, at) => at !== place[1])
  const circuits = circuitIds(dialogue)
  const ended = await askForm(dialogue, place, 'device', {
    takenIds: new Set(others.map((other) => String(valueAt(other, ['id'])))),
    choices: (key) => (key === 'map' ? dialogue.maps.map(({ id }) => id) : key === 'circuit' ? circuits : undefined),
    skip: circuits.length > 1 ? [] : ['circuit'],
  })
  if (ended === 'next' && (await showReading(dialogue, place)) === 'stop') return 'stop'
  const form = settingsOf[String(dialogue.get([...place, 'role']))]
  return ended === 'next' && form ? askForm(dialogue, [...place, form], form) : ended
}

/** Nothing is asked of a device before the person wants it: connecting may displace the only client that it serves. */
async function showReading(dialogue: Dialogue, place: Place): Promise<End> {
  const device = dialogue.get(place)
  const { connection, map } = recordOf(device)
  if (typeof connection !== 'string' || typeof map !== 'string' || connection.startsWith('demo:')) return 'next'
  for (;;) {
    const answered = await askField(
      dialogue.lines,
      {
        key: '',
        title: 'Read it now',
        help: 'Connects once and shows what it says; nothing is written.',
        kind: 'switch',
        default: false,
        required: false,
        main: true,
      },
      undefined,
      dialogue.say,
    )
    if (answered.kind === 'stop') return 'stop'
    if (answered.kind !== 'value' || answered.value !== true) return 'next'
    try {
      dialogue.say(await dialogue.read(device))
    } catch (error) {
      if (!(error instanceof Error)) throw error
      dialogue.say(`  Nothing was read: ${error.message}\n`)
    }
  }
}

async function askGrid(dialogue: Dialogue, place: Place): Promise<End> {
  const ended = await askForm(dialogue, place, 'grid')
  if (ended !== 'next') return ended
  dialogue.say('  The grid connection, with its main fuse:\n')
  const connected = await askCircuit(dialogue, [...place, 'connection'], 'grid-meter')
  return connected === 'next'
    ? askList(dialogue, [...place, 'connection', 'circuits'], 'circuit below it', ['name', 'id', 'fuseA'], (at) =>
        askCircuit(dialogue, at, 'meter'),
      )
    : connected
}

/** A circuit; its meter is one of the devices that can measure it. */
async function askCircuit(dialogue: Dialogue, place: Place, role: string): Promise<End> {
  if ((await offer(dialogue, ({ path }) => path === [...place, 'meter'].join('.'))) === 'stop') return 'stop'
  const meters = listOf(dialogue.get(['devices'])).filter((device) => valueAt(device, ['role']) === role)
  return askForm(dialogue, place, 'circuit', {
    takenIds: new Set(circuitIds(dialogue)),
    choices: (key) => (key === 'meter' ? meters.map((device) => String(valueAt(device, ['id']))) : undefined),
    skip: meters.length > 0 ? [] : ['meter'],
  })
}

function circuitIds(dialogue: Dialogue): string[] {
  const below = (circuit: unknown): string[] => {
    const { id, circuits } = recordOf(circuit)
    return [...(typeof id === 'string' ? [id] : []), ...listOf(circuits).flatMap(below)]
  }
  return listOf(dialogue.get(['grids'])).flatMap((grid) => below(valueAt(grid, ['connection'])))
}

/** On which circuit the devices hang, where there is more than one. */
export async function askPlacement(dialogue: Dialogue): Promise<End> {
  const circuits = circuitIds(dialogue)
  const circuit = dialogue.fields('device').find(({ key }) => key === 'circuit')
  if (circuits.length < 2 || !circuit) return 'next'
  for (const [at, device] of listOf(dialogue.get(['devices'])).entries()) {
    const { name, role, circuit: set } = recordOf(device)
    if (set !== undefined || !['battery', 'charger', 'load', 'pv'].includes(String(role))) continue
    const answered = await askField(
      dialogue.lines,
      { ...circuit, title: `Circuit of ${String(name)}` },
      undefined,
      dialogue.say,
      circuits,
    )
    if (answered.kind === 'stop' || answered.kind === 'back') return answered.kind
    if (answered.kind === 'value') await dialogue.set(['devices', at, 'circuit'], answered.value)
  }
  return 'next'
}
