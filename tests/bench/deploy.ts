import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { DeploymentStatus } from '#contract/deployment.ts'
import { createAsk } from '../../service/cli/ask-service.ts'
import { readSiteFolder } from '../../service/configuration/read-site-folder.ts'
import { createDeploymentClient } from '../../service/deployment/client.ts'
import { stableS } from '../../service/deployment/gates.ts'
import { spawnPlant } from '../../service/drivers/simulated/spawn-plant.ts'
import { systemClock } from '../../service/runtime/system-clock.ts'
import { clientOf } from '../service/client.ts'
import { root, serviceToken, startService } from '../service/service-process.ts'

/**
 * From "deploy" to "confirmed" for a site of 50 devices on loopback, as r-emsctl does it. The candidate reads every device by
 * another map, so that the checks read every point of all of them through the buses that control holds, and adds new endpoints.
 * The stability gate is a fixed time and stated apart. Then the rollback: from the request until the older one runs.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    devices: { type: 'string', default: '50' },
    added: { type: 'string', default: '5' },
  },
})
const [count, added] = [Number(values.devices), Number(values.added)]
const folder = mkdtempSync(join(tmpdir(), 'r-ems-bench-deploy-'))
const round = (ms: number): number => Math.round(ms / 10) / 100
/** Of the service alone, in ms: what a busy machine adds is not in it. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
const since = (startMs: number): number => performance.now() - startMs

const end = new AbortController()
try {
  await using plants = new AsyncDisposableStack()
  const ports: number[] = []
  // One plant has this many meters at most.
  for (let left = count + added; left > 0; left -= 20) {
    const feeders = Math.min(20, left)
    const { devices } = plants.use(
      await spawnPlant({
        entry: join(root, 'out/service/plant.js'),
        nodePath: process.execPath,
        signal: end.signal,
        args: ['--feeders', String(feeders)],
      }),
    )
    const endpoints: Readonly<Record<string, { port: number } | undefined>> = devices
    for (let feeder = 1; feeder <= feeders; feeder += 1) ports.push(endpoints[`feeder-${feeder}`]?.port ?? 0)
  }
  const writeSite = (name: string, devices: number, map: string): string => {
    const site = join(folder, name)
    mkdirSync(join(site, 'pointmaps/bench'), { recursive: true })
    const lines = Array.from({ length: devices }, (_, at) => {
      const port = ports[at] ?? 0
      return `  - { id: meter-${at + 1}, name: Meter ${at + 1}, role: meter, map: ${map}, connection: 'tcp://127.0.0.1:${port}' }\n`
    })
    writeFileSync(
      join(site, 'site.yaml'),
      `version: 3\nname: Bench\ngrids: [{ id: grid, name: Grid, connection: { id: main, name: Main } }]\ndevices:\n${lines.join('')}`,
    )
    // Asked with another gap, every point is read in another way.
    if (map === 'bench/meter')
      writeFileSync(
        join(site, 'pointmaps/bench/meter.yaml'),
        'format: 1\nmaker: Bench\nmodel: Meter\nkind: meter\nextends: eastron/sdm630\nquirks: { maxReadRegisters: 60 }\npoints: { powerW: { address: 52, pollGroup: fast } }\n',
      )
    return site
  }
  const site = writeSite('site', count, 'eastron/sdm630')
  const candidateFolder = writeSite('candidate', count + added, 'bench/meter')
  await using service = await startService(['--config', site], { dataFolder: join(folder, 'data') })
  const { status: serviceStatus } = clientOf(service)
  while ((await serviceStatus()).devices.online < count) await delay(100)
  const client = createDeploymentClient(createAsk(service.url, serviceToken), (ms, signal) =>
    systemClock.sleep(ms, signal),
  )

  const startMs = performance.now()
  const never = new AbortController().signal
  const files = await readSiteFolder(candidateFolder)
  const candidate = await client.sendFiles(files, (await client.status()).hash, 'benchmark')
  const comparedMs = since(startMs)
  const comparedCpuMs = cpuMs(service.pid)
  const report = await client.check(() => undefined, never)
  const checkedMs = since(startMs)
  const checksCpuMs = cpuMs(service.pid) - comparedCpuMs
  if (report.state !== 'passed') throw new Error(JSON.stringify(report.checks))
  const trial = await client.commit({ candidateId: candidate.id, countdownS: 300 })
  let runningMs = 0
  const outcome = await client.follow(
    trial,
    ({ phase }: DeploymentStatus) => {
      if (phase === 'trial') runningMs ||= since(startMs)
    },
    never,
  )
  const confirmedMs = since(startMs)
  if (outcome.outcome !== 'confirmed') throw new Error(outcome.text)

  const rollbackMs = performance.now()
  const rollbackCpuMs = cpuMs(service.pid)
  await client.rollback({})
  let rolledBackMs = 0
  while (rolledBackMs === 0) {
    const now = await client.status().catch(() => undefined)
    if (now?.phase === 'idle' && now.active?.origin === 'rollback') rolledBackMs = since(rollbackMs)
    else await delay(20)
  }
  const rolledBackCpuMs = cpuMs(service.pid) - rollbackCpuMs
  while ((await serviceStatus()).devices.online < count) await delay(50)
  const allOnlineMs = since(rollbackMs)

  process.stdout.write(
    `${JSON.stringify({
      bench: 'deploy',
      devices: count,
      addedDevices: added,
      pointsRead: report.points.length,
      compareS: round(comparedMs),
      checksS: round(checkedMs - comparedMs),
      checksTargetS: 15,
      checksCpuS: round(checksCpuMs),
      restartS: round(runningMs - checkedMs),
      stabilityGateS: stableS,
      confirmedS: round(confirmedMs),
      confirmedWithoutGateS: round(confirmedMs - stableS * 1000),
      rollbackS: round(rolledBackMs),
      rollbackTargetS: 3,
      rollbackCpuS: round(rolledBackCpuMs),
      rollbackAllOnlineS: round(allOnlineMs),
      loadAverage: round(loadavg()[0]! * 1000),
    })}\n`,
  )
} finally {
  end.abort()
  rmSync(folder, { recursive: true, force: true })
}
