import { expect } from 'vitest'
import type { Principal } from '#contract/access.ts'
import type { CommitAnswer } from '#contract/deployment.ts'
import type { EdgeError } from '#contract/errors.ts'
import { type CheckedSite, checkSiteFiles, completeSiteFiles } from '../../../service/configuration/check-site.ts'
import { type SiteFiles } from '../../../service/configuration/site-files.ts'
import type { LiveTrial, LoopState } from '../../../service/deployment/gates.ts'
import { type Generations, openGenerations } from '../../../service/deployment/generations.ts'
import { openEnrolledKeys, openSigningKey } from '../../../service/deployment/keys.ts'
import { createReceiver, type Receiver } from '../../../service/deployment/receiver.ts'
import { entries } from '../../../service/entries.ts'
import { folderLibrary } from '../../../service/pointmap/load.ts'
import type { ManualClock } from '../runtime/manual-clock.ts'
import { createSimulatedDisk } from './simulated-disk.ts'

export const edgeId = '7f3e0c1c-4d0e-4a57-9d5e-6f0f6a1a2b3c'
const library = folderLibrary([entries.mapFolder])
export const who = (name: string, role: Principal['role'] = 'installer'): Principal => ({
  kind: 'user',
  id: name,
  name,
  role,
  address: '10.0.0.7',
})

export const siteOf = ({
  fuseA = 63,
  devices = ['meter', 'battery'],
}: { fuseA?: number; devices?: string[] } = {}): SiteFiles => {
  const lines: Record<string, string> = {
    meter: `{ id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://10.0.0.2' }`,
    battery: `{ id: battery, name: Battery, role: battery, map: r-ems/demo-battery, connection: 'tcp://10.0.0.3', battery: { maxChargeW: 5000, maxDischargeW: 5000 } }`,
    spare: `{ id: spare, name: Spare, role: meter, map: eastron/sdm630, connection: 'tcp://10.0.0.4' }`,
  }
  const text = `version: 3
name: Depot
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: ${fuseA}, meter: meter } }]
devices:
${devices.map((name) => `  - ${lines[name] ?? ''}\n`).join('')}`
  return completeSiteFiles(checkSiteFiles(new Map([['site.yaml', text]]), library))
}

/** An edge whose restarts are new receivers on the same disk, as the process makes them. */
export async function createEdge(clock: ManualClock) {
  const world = createSimulatedDisk()
  await world.disk.makeFolder('/etc')
  const texts = new Map<string, string>()
  const folder = {
    read: async (name: string) => texts.get(name),
    write: async (name: string, text: string) => void texts.set(name, text),
  }
  const own = await openSigningKey(folder)
  const { keys } = await openEnrolledKeys({ folder, own, nowMs: clock.nowMs })
  const journal: string[] = []
  const state = {
    files: siteOf(),
    good: ['meter/powerW', 'meter/voltageV.l1', 'battery/socPercent'],
    exceeded: [] as string[],
    loops: [{ name: 'Grid', cycles: 0, overruns: 0 }] as LoopState[],
    journalWorks: true,
    restarts: 0,
    mapsConfirmed: 0,
  }
  let receiver: Receiver | undefined
  let generations: Generations | undefined
  let trial: LiveTrial | undefined
  let startedMs = 0

  async function start(): Promise<void> {
    await receiver?.[Symbol.asyncDispose]()
    const opened = await openGenerations({
      root: '/etc/r-ems',
      disk: world.disk,
      nowMs: clock.nowMs(),
      ...(trial && { plannedTrial: trial.id }),
    })
    ;({ generations } = opened)
    const pointer = generations.pointer()
    if (pointer) state.files = await generations.files(pointer.active)
    const checked: CheckedSite = checkSiteFiles(state.files, library)
    startedMs = clock.monotonicMs()
    receiver = createReceiver({
      edgeId,
      clock,
      clockFloorMs: 0,
      generations,
      unavailable: undefined,
      current: () => checked,
      library,
      own,
      enrolled: keys,
      trial,
      ports: {
        goodPoints: () => state.good,
        exceeded: () => state.exceeded,
        loops: () => state.loops,
        upS: () => (clock.monotonicMs() - startedMs) / 1000,
        licenceNote: () => undefined,
        readPoints: async () => [],
        replay: async () => undefined,
        async journal({ outcome, detail }) {
          if (!state.journalWorks) throw new Error('the disk is full')
          journal.push(`${outcome}: ${detail}`)
        },
        confirmMaps: async () => void (state.mapsConfirmed += 1),
        ended: () => void (trial = undefined),
        restart(next) {
          trial = next
          state.restarts += 1
        },
        changed: () => undefined,
      },
    })
  }
  await start()
  return {
    state,
    journal,
    keys,
    world,
    get now(): Receiver {
      return receiver!
    },
    get generations(): Generations {
      return generations!
    },
    /** The restart that the receiver has asked for. */
    start,
    /** Another process: whatever was in memory is gone. */
    async crash() {
      trial = undefined
      await start()
    },
    /** Time passes; the loop goes on. */
    async run(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        state.loops = state.loops.map((loop) => ({ ...loop, cycles: loop.cycles + 1 }))
        await clock.advance(1000)
      }
    },
  }
}

export type Edge = Awaited<ReturnType<typeof createEdge>>

export async function checked(edge: Edge, files: SiteFiles, by = who('anna')): Promise<string> {
  const { id } = edge.now.make(
    { files: Object.fromEntries(files), why: 'a test', prevHash: edge.now.status().hash },
    by,
  )
  edge.now.startChecks(by)
  for (let turn = 0; edge.now.checks(by).state === 'running'; turn += 1) {
    expect(turn).toBeLessThan(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return id
}

export const request = (candidateId: string, more: Partial<Parameters<Receiver['commit']>[0]> = {}) => ({
  candidateId,
  confirmedRaises: [],
  waived: [],
  countdownS: 120,
  despiteChecks: false,
  ...more,
})

export async function onTrial(
  edge: Edge,
  files: SiteFiles,
  more: Partial<Parameters<Receiver['commit']>[0]> = {},
): Promise<CommitAnswer> {
  const trial = await edge.now.commit(request(await checked(edge, files), more), who('anna'))
  await edge.start()
  return trial
}

export const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action()
    return 'done'
  } catch (error) {
    return `${(error as EdgeError).code}: ${(error as EdgeError).message}`
  }
}
