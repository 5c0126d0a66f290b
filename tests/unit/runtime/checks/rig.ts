import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Principal } from '#contract/access.ts'
import type { Check, CheckRun } from '#contract/checks.ts'
import type { MapCommand } from '#contract/point-map.ts'
import { site as siteSchema, type Site } from '#contract/site.ts'
import { parse } from 'yaml'
import { compileSite } from '../../../../service/domain/site-model.ts'
import type { ArmedBus } from '../../../../service/drivers/modbus/bus.ts'
import type { PlantCommand } from '../../../../service/drivers/simulated/plant-command.ts'
import {
  demoParameters,
  depotParameters,
  type PlantParameters,
} from '../../../../service/drivers/simulated/plant-model.ts'
import { startSimulatedPlant } from '../../../../service/drivers/simulated/simulated-plant.ts'
import { loadSunspecModels } from '../../../../service/pointmap/sunspec/models.ts'
import { createArmed } from '../../../../service/runtime/armed.ts'
import { openChecks, type Checks } from '../../../../service/runtime/checks/checks.ts'
import type { CheckTiming } from '../../../../service/runtime/checks/session.ts'
import { commandsOfSite } from '../../../../service/runtime/device-view.ts'
import { createFaults } from '../../../../service/runtime/faults.ts'
import { createSiteDevices, loadSiteMaps } from '../../../../service/runtime/site-devices.ts'
import { startSiteRuntime, type SiteRuntime } from '../../../../service/runtime/site-runtime.ts'
import { openWriteBudget } from '../../../../service/runtime/write-budget.ts'
import { realClock } from '../../../drivers/support/clock.ts'
import { connectRaw, type RawClient } from '../../simulated/raw-client.ts'

const mapFolder = resolve(import.meta.dirname, '../../../../pointmaps')
const sunspecFolder = join(mapFolder, 'sunspec/models')

const shipped = (id: string): string => readFileSync(join(mapFolder, `${id}.yaml`), 'utf8')

/** The same devices with timers that a test can wait for. */
const shortMaps = {
  'test/battery': shipped('r-ems/demo-battery').replace('seconds: 30', 'seconds: 3'),
  'test/charger': shipped('r-ems/demo-charger').replace('seconds: 30', 'seconds: 3'),
}

/** Short, and long enough for a slow machine: the plant settles within a second. What is silent is so for longer than any stall. */
export const shortTiming: CheckTiming = {
  sampleMs: 100,
  settleMs: 900,
  longestSettleMs: 4_000,
  averageMs: 500,
  stepMs: 5_500,
  fallbackMarginMs: 3_000,
  holdMs: 15_000,
  silentMs: 15_000,
  restoreMs: 5_000,
  watchedMs: 30_000,
}

export const maria: Principal = { kind: 'user', id: '7', name: 'maria', role: 'installer', address: '127.0.0.1' }

export const homeSite = `
version: 3
name: Test
cycleMs: 1000
grids:
  - id: grid
    name: Grid
    connection: { id: main, name: Connection, fuseA: 63, maxExportW: 20000, meter: meter }
devices:
  - { id: meter, name: Grid meter, role: grid-meter, map: eastron/sdm630, connection: 'demo://meter', verified: { signs: [powerW] } }
  - id: inverter
    name: PV
    role: pv
    map: sunspec/inverter
    connection: demo://inverter
    pv: { ratedPowerW: 12000, curtailable: true, rampWPerS: 100000 }
    verified: { commands: [limitPowerPercent], signs: [powerW] }
  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: demo://battery
    battery: { minSocPercent: 15, maxSocPercent: 95, maxChargeW: 6000, maxDischargeW: 6000, rampWPerS: 12000 }
    verified: { commands: [setPowerW], signs: [powerW] }
`

export interface Rig extends AsyncDisposable {
  readonly checks: Checks
  readonly runtime: SiteRuntime
  readonly armed: ReturnType<typeof createArmed>
  readonly folder: string
  readonly journal: { kind: string; outcome?: string; command?: string; detail?: string }[]
  readonly problems: string[]
  plant(command: PlantCommand): Promise<void>
  wire(device: string): Promise<RawClient>
  arm(): void
  /** Whether automatic control writes. */
  setControl(enabled: boolean): void
  /** Starts a check and waits for its end. */
  run(checkId: string, options?: { durationS?: number; value?: number }): Promise<CheckRun>
  ended(runId: string): Promise<CheckRun>
  /** The check as maria sees it now. */
  check(checkId: string): Check
  until(checkId: string, state: Check['state']): Promise<void>
  commandOf(deviceId: string, command: string): MapCommand
}

/** A whole site on the simulated plant, with its own control, and checks on it. Nothing is left of it afterwards. */
export async function startRig(
  given: {
    site?: string
    /** Noon has sun, midnight has none. */
    startMs?: number
    chargers?: number
    parameters?: Partial<PlantParameters>
    controlled?: boolean
    timing?: Partial<CheckTiming>
    maps?: Readonly<Record<string, string>>
  } = {},
): Promise<Rig> {
  const resources = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-checks-'))
  resources.defer(() => rmSync(folder, { recursive: true, force: true }))
  const own = join(folder, 'pointmaps')
  for (const [id, text] of Object.entries({ ...shortMaps, ...given.maps })) {
    mkdirSync(join(own, id, '..'), { recursive: true })
    writeFileSync(join(own, `${id}.yaml`), text)
  }
  const base = given.chargers ? depotParameters(demoParameters, given.chargers) : demoParameters
  const plant = resources.use(
    await startSimulatedPlant({
      clock: realClock,
      parameters: { ...base, steadyLoadW: 1_500, ...given.parameters },
      startMs: given.startMs ?? Date.UTC(2026, 4, 20, 0, 0),
    }),
  )
  const site: Site = siteSchema.parse(parse(given.site ?? homeSite))
  const buses = new Map<string, ArmedBus>()
  const maps = loadSiteMaps(site, 'site.yaml', [own, mapFolder])
  const entries = createSiteDevices({
    site,
    maps,
    sunspecFolder,
    plant: {
      pid: process.pid,
      devices: plant.devices,
      exited: new Promise(() => undefined),
      send: (command) => plant.command(command),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    clock: realClock,
    resources,
    buses,
  })
  let enabled = given.controlled ?? false
  const control = () => ({ enabled, dryRun: false, reason: enabled ? 'a test' : 'off for a test' })
  const lent = new Map<string, string>()
  const journal: Rig['journal'] = []
  const problems: string[] = []
  const commands = commandsOfSite(entries)
  const runtime = resources.use(
    startSiteRuntime({
      site,
      model: compileSite(site, commands),
      mode: 'simulation',
      desktop: false,
      entries,
      clock: realClock,
      control,
      wishes: () => [],
      journal: (record) => void journal.push(record),
      journalDurable: (record) => Promise.resolve(journal.push(record)),
      mapsConfirmed: () => undefined,
      budget: await openWriteBudget(folder, realClock.nowMs),
      faults: createFaults(realClock.nowMs, () => undefined),
      lentTo: (deviceId) => lent.get(deviceId),
      onOutputs: () => undefined,
      onCycle: () => undefined,
    }),
  )
  const armed = createArmed(realClock)
  const arm = (): void => armed.arm({ minutes: 30, reason: 'a test' }, maria)
  let waiting: (() => void)[] = []
  const checks = resources.use(
    await openChecks({
      folder: join(folder, 'workbench'),
      dataFolder: folder,
      site,
      siteHash: () => 'site-1',
      epoch: 3,
      version: '0.0.0',
      entries,
      commands,
      control,
      armed,
      lent,
      runtime,
      clock: realClock,
      buses,
      sunspecModels: () => loadSunspecModels(sunspecFolder),
      timing: { ...shortTiming, ...given.timing },
      journal: (record) => void journal.push(record),
      changed() {
        for (const wake of waiting) wake()
        waiting = []
      },
      trouble: (message) => void problems.push(message),
    }),
  )

  /** Everything that a check may need has been read. */
  async function settled(): Promise<void> {
    for (;;) {
      const views = runtime.devices()
      if (runtime.powerFlow() && views.every(({ link }) => link.state === 'online')) return
      await realClock.sleep(20)
    }
  }
  await settled()

  async function ended(runId: string): Promise<CheckRun> {
    for (;;) {
      const changedOnce = new Promise<void>((wake) => waiting.push(wake))
      const run = await checks.forApi.run(runId)
      if (run.state === 'ended' && checks.forApi.list(maria).running === undefined) return run
      checks.forApi.renew(runId)
      await changedOnce
    }
  }

  function check(checkId: string): Check {
    const found = checks.forApi.list(maria).checks.find(({ id }) => id === checkId)
    if (!found) throw new Error(`no check ${checkId}`)
    return found
  }

  return {
    checks,
    runtime,
    armed,
    folder,
    journal,
    problems,
    plant: (command) => plant.command(command),
    wire: async (device) => connectRaw(plant.devices[device]?.port ?? 0),
    arm,
    setControl(next) {
      enabled = next
    },
    async run(checkId, options = {}) {
      arm()
      // A reading that is late on a busy machine comes.
      while (check(checkId).state !== 'ready') await realClock.sleep(50)
      const { id } = await checks.forApi.start({ checkId, ...options }, maria)
      return ended(id)
    },
    ended,
    check,
    async until(checkId, state) {
      arm()
      while (check(checkId).state !== state) await realClock.sleep(50)
    },
    commandOf(deviceId, command) {
      const found = entries.find(({ config }) => config.id === deviceId)?.map.map.commands[command]
      if (!found) throw new Error(`no command ${command}`)
      return found
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
