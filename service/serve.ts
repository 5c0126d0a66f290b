import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import type { SiteEvent } from '#contract/api.ts'
import type { LiveMessage } from '#contract/live.ts'
import { openAccess } from './access/access.ts'
import { thisBoot } from './access/boot.ts'
import { checkedPreset, createConsoleToken } from './access/console-token.ts'
import { announce } from './announce.ts'
import { createAudit } from './access/audit.ts'
import { createCaptureRecorder } from './capture/recorder.ts'
import { createApi } from './api/server.ts'
import type { Options } from './config.ts'
import type { ArmedBus } from './drivers/modbus/bus.ts'
import { compileSite } from './domain/site-model.ts'
import { spawnPlant } from './drivers/simulated/spawn-plant.ts'
import type { Entries } from './entries.ts'
import type { Network } from './network.ts'
import type { ControlTarget } from '#contract/control.ts'
import { loadPointMap } from './pointmap/load.ts'
import { loadSunspecModels, type SunspecModels } from './pointmap/sunspec/models.ts'
import { createApiSources } from './runtime/api-sources.ts'
import { createArmed } from './runtime/armed.ts'
import { openChecks } from './runtime/checks/checks.ts'
import { createSiteMeaning } from './runtime/checks/site-meaning.ts'
import { createBusAccess } from './runtime/bus-access.ts'
import { createMapConverter } from './mapimport/in-worker.ts'
import { loadConfirmedMaps } from './runtime/confirmed-maps.ts'
import { loadControlProperty } from './runtime/control-property.ts'
import { createControlSources } from './runtime/control-sources.ts'
import { createDeviceWatch } from './runtime/device-watch.ts'
import { createExplainer } from './runtime/explain.ts'
import { commandsOfSite } from './runtime/device-view.ts'
import { createFaults } from './runtime/faults.ts'
import { createGridWatch } from './runtime/grid-watch.ts'
import { openIdentity } from './runtime/identity.ts'
import { thisMachine } from './runtime/machine.ts'
import { createLimitsEdit } from './runtime/limits-edit.ts'
import { createMapReload } from './runtime/map-reload.ts'
import { watchPlant } from './runtime/plant-watch.ts'
import { createPlausibilityWatch } from './runtime/plausibility.ts'
import { createRecorder } from './runtime/recorder.ts'
import { createServiceManager } from './runtime/service-manager.ts'
import { openSiteText } from './runtime/site-text.ts'
import { createSiteDevices, loadSiteMaps } from './runtime/site-devices.ts'
import { lockSite } from './runtime/site-lock.ts'
import { startSiteRuntime } from './runtime/site-runtime.ts'
import { cycleMsOf } from './runtime/site-topology.ts'
import { systemClock } from './runtime/system-clock.ts'
import { createVerificationEdit } from './runtime/verification-edit.ts'
import { createWishes } from './runtime/wishes.ts'
import { openWriteBudget } from './runtime/write-budget.ts'
import { createRelinquish } from './runtime/workbench/relinquish.ts'
import { openWorkbench } from './runtime/workbench/workbench.ts'
import { openStorage } from './storage/storage.ts'
import { stopSignal } from './stop-signal.ts'
import { version } from './version.ts'

/** Longest time that stopping may take before the process ends anyway. */
const stopWithinMs = 1_800
const checkBackWithinMs = 600

/** Runs the edge service until it is told to stop; resolves to the exit code. */
export async function serve(options: Options, entries: Entries): Promise<number> {
  const { site, demo, mode, desktop, dataFolder } = options
  if (options.presetToken !== undefined) checkedPreset(options.presetToken)
  const stop = stopSignal(desktop)
  const log = pino(
    { level: process.env['R_EMS_LOG_LEVEL'] ?? (process.stderr.isTTY ? 'warn' : 'info') },
    pino.destination(2),
  )
  const clock = systemClock
  // The site's own maps come before those that are shipped.
  // The site of the demo is part of the program, which is not written to.
  const mapFolders = [join(demo ? dataFolder : dirname(options.siteFile), 'pointmaps'), entries.mapFolder] as const
  const maps = loadSiteMaps(site, options.siteFile, mapFolders)
  await using resources = new AsyncDisposableStack()
  // Each simulated plant is a process of its own: only real devices can be fought over.
  const real = site.devices.some(({ connection }) => !connection.startsWith('demo://'))
  if (real) resources.use(await lockSite(options.siteFile, `process ${process.pid} with the data folder ${dataFolder}`))

  // The plant starts while the storage opens; whatever fails on the way, it does not outlive this.
  const plantEnd = new AbortController()
  resources.defer(() => plantEnd.abort())
  const needsPlant = site.devices.some(({ connection }) => connection.startsWith('demo://'))
  const spawning = needsPlant
    ? spawnPlant({
        entry: entries.plant,
        nodePath: process.execPath,
        signal: plantEnd.signal,
        // The devices outlive a killed service for a while, so that their own timers can be seen to act.
        args: ['--linger', '60', ...options.plantArguments],
        log: (line) => log.warn({ plant: line }, 'plant says'),
      })
    : undefined
  // A failure is seen where it is awaited; until then it is not unhandled.
  spawning?.catch(() => undefined)
  const storage = resources.use(await openStorage({ folder: dataFolder, workerUrl: entries.storageWorker, clock }))
  const consoleToken = await createConsoleToken(dataFolder)
  const opened = await openAccess({
    folder: dataFolder,
    clock,
    audit: storage.journal,
    boot: thisBoot(),
    presets: [
      { name: 'console', kind: 'console', secret: consoleToken },
      ...(options.presetToken === undefined
        ? []
        : [{ name: 'automation', kind: 'token', secret: options.presetToken } as const]),
    ],
    pairs: !demo,
  })
  const access = resources.use(opened.access)
  const siteHash = createHash('sha256')
    .update(await readFile(options.siteFile))
    .digest('hex')
  storage.journal.append({
    kind: 'configuration',
    principal: 'service',
    detail: `starts with ${options.siteFile}`,
    data: { sha256: siteHash },
  })
  const { identity, warning: identityWarning } = await openIdentity(dataFolder, await thisMachine())
  const control = await loadControlProperty(dataFolder, demo, identity)
  const budget = await openWriteBudget(dataFolder, clock.nowMs)
  const plant = spawning && resources.use(await spawning)

  let publishEvent: (event: SiteEvent) => void = () => undefined
  const addEvent = (event: Omit<SiteEvent, 'id'>): SiteEvent => {
    const stored = storage.addEvent(event)
    log[event.severity === 'warning' ? 'warn' : event.severity](
      { code: event.code, device: event.deviceId },
      event.message,
    )
    publishEvent(stored)
    return stored
  }
  const faults = createFaults(clock.nowMs, (event) => void addEvent(event))
  storage.subscribe({
    raise: faults.raise,
    clear: faults.clear,
    note: ({ severity, code, message }) => void addEvent({ atMs: clock.nowMs(), severity, code, message }),
  })
  if (opened.setAside !== undefined)
    addEvent({
      atMs: clock.nowMs(),
      severity: 'error',
      code: 'access.damaged',
      message: `the accounts were damaged and are kept as ${opened.setAside}; nobody can sign in with a password until users are added again`,
    })
  for (const { severity, code, message } of storage.warnings) addEvent({ atMs: clock.nowMs(), severity, code, message })
  if (identityWarning !== undefined)
    addEvent({ atMs: clock.nowMs(), severity: 'warning', code: 'storage.folder', message: identityWarning })
  void watchPlant(plant, stop.signal, faults)

  const { semver, builtAtMs } = version()
  // Before the cycle starts, which must not wait for anything once it runs.
  let network: Network | undefined
  if (options.network) {
    // Loads the certificate library, which a service on this machine alone does not need.
    const { openNetwork } = await import('./network.ts')
    const audit = createAudit(storage.journal, clock)
    network = await openNetwork({ options: options.network, dataFolder, builtAtMs, clock, faults, audit })
    if (network) resources.use(network)
  }

  const buses = new Map<string, ArmedBus>()
  const sunspecFolder = join(entries.mapFolder, 'sunspec/models')
  const devices = createSiteDevices({
    buses,
    site,
    maps,
    sunspecFolder,
    plant,
    clock,
    resources,
  })
  const mapsInUse = () => devices.map(({ map }) => map)
  const { enabled, dryRun } = control.get()
  const confirmedMaps = await loadConfirmedMaps(dataFolder, mapsInUse, enabled && !dryRun)
  const mapReload = resources.use(
    createMapReload({
      folders: mapFolders,
      users: devices,
      load: (id) => loadPointMap(id, mapFolders),
      control: control.get,
      faults,
      used: ({ id, hash }) => void storage.journal.append({ kind: 'map', principal: 'file', detail: `${id} ${hash}` }),
    }),
  )
  const watchDevices = createDeviceWatch(devices, faults, (id) => runtime.writeAnew(id))
  const entryOf = new Map(devices.map((entry) => [entry.config.id, entry]))
  const watchGrid = createGridWatch({
    faults,
    clock,
    name: (id) => entryOf.get(id)?.config.name ?? id,
    silent: (id) => !['online', 'degraded'].includes(entryOf.get(id)?.device.link().state ?? ''),
  })
  const newSamples = createRecorder(devices.map(({ device }) => device))
  const armed = createArmed(clock)
  const explainer = createExplainer()
  const wishes = createWishes(clock, (ended) => wishEnded(ended))
  const wishEnded = ({ principal, ...target }: ControlTarget & { principal: string }): void => {
    storage.journal.append({ kind: 'wish', principal, ...target, outcome: 'ended' })
    const message = `the time of ${principal} is over: ${target.command} is automatic again`
    addEvent({ atMs: clock.nowMs(), severity: 'info', code: 'control.asked', message, deviceId: target.deviceId })
    sources.publishWishes()
  }
  const manager = resources.use(
    createServiceManager({
      environment: process.env,
      grids: site.grids.map(({ id }) => ({ id, cycleMs: cycleMsOf(site, id) })),
      clock,
    }),
  )
  const commands = commandsOfSite(devices)
  const siteText = await openSiteText(options.siteFile, demo ? 'session' : 'file')
  const limitsEdit = createLimitsEdit({
    siteText,
    commands,
    unitOf: (id, command) => devices.find(({ config }) => config.id === id)?.map.map.commands?.[command]?.unit ?? '',
    journalDurable: (record) => storage.journal.appendDurable(record),
    use(changed, model) {
      capture.useSite(changed)
      runtime.useModel(model)
    },
  })
  const plausibility = createPlausibilityWatch({ entries: devices, clock, powerFlow: () => runtime.powerFlow() })
  const verificationEdit = createVerificationEdit({
    siteText,
    commands,
    entries: devices,
    nowMs: clock.nowMs,
    plausible: plausibility.agrees,
    journalDurable: (record) => storage.journal.appendDurable(record),
    use(changed) {
      capture.useSite(changed)
      runtime.useProofs(changed)
    },
  })
  const capture = resources.use(
    createCaptureRecorder({
      folder: join(dataFolder, 'capture'),
      site,
      commands,
      version: semver,
      clock,
      note: (message) => addEvent({ atMs: clock.nowMs(), severity: 'warning', code: 'capture.stopped', message }),
    }),
  )
  const stamp = { data: { epoch: identity.epoch } }
  const lent = new Map<string, string>()
  const runtime = resources.use(
    startSiteRuntime({
      site,
      model: compileSite(site, commands),
      mode,
      desktop,
      entries: devices,
      clock,
      control: control.get,
      wishes: wishes.current,
      journal: (record) => void storage.journal.append({ ...record, ...stamp }),
      journalDurable: (record) => storage.journal.appendDurable({ ...record, ...stamp }),
      mapsConfirmed: confirmedMaps.obstacle,
      lentTo: (deviceId) => lent.get(deviceId),
      budget,
      faults,
      onOutputs: (gridId) => manager.cycleCompleted(gridId),
      onStep(gridId, input, result) {
        limitsEdit.observe(gridId, input, result)
        capture.add(gridId, input, result)
      },
      onCycle(snapshot) {
        watchDevices()
        watchGrid(snapshot.state)
        plausibility.observe()
        storage.addSamples(newSamples())
        storage.addExplanations(explainer.note(snapshot.state))
        storage.journal.flush()
        sources.publishCycle(snapshot)
      },
    }),
  )
  const forControl = createControlSources({
    clock,
    runtime,
    storage: { ...storage, addEvent },
    entries: devices,
    wishes,
    armed,
    explainer,
    capture,
    limitsEdit,
    verificationEdit,
    plausibility,
    epoch: identity.epoch,
    dataFolder,
    wishesChanged: () => sources.publishWishes(),
  })
  const sunspecModels = (): SunspecModels => loadSunspecModels(sunspecFolder)
  let refresh: (topic: string) => void = () => undefined
  let publish: (message: LiveMessage) => void = () => undefined
  const field = { clock, buses, entries: devices, control: control.get, sunspecModels }
  // The site of the demo is part of the program.
  const workbenchFolder = join(demo ? dataFolder : dirname(options.siteFile), 'workbench')
  const workbench = resources.use(
    await openWorkbench({
      folder: workbenchFolder,
      ...field,
      relinquish: createRelinquish({ ...field, ...runtime }),
      mapFolders,
      sunspecFolder,
      mapFiles: createMapConverter({ workerUrl: entries.mapWorker, clock }),
      mapsChanged: mapReload.check,
      stagedMaps: mapReload.staged,
      journal: (kind, principal, detail) => void storage.journal.append({ kind, principal, detail }),
      changed: (topic) => refresh(topic),
      publish: (message) => publish(message),
      trouble: (message) => log.warn(message),
    }),
  )
  const checks = resources.use(
    await openChecks({
      folder: workbenchFolder,
      dataFolder,
      site,
      siteHash: createSiteMeaning(siteText.text),
      epoch: identity.epoch,
      version: semver,
      ...field,
      commands,
      armed,
      lent,
      runtime,
      journal: (record) => void storage.journal.append(record),
      changed: () => refresh('checks'),
      trouble: (message) => log.warn(message),
    }),
  )
  const sources = createApiSources({
    armed,
    forControl,
    site: { name: site.name, demo, mode },
    version: semver,
    clock,
    runtime,
    storage,
    faults,
    control,
    async confirmMaps() {
      await mapReload.activate()
      await confirmedMaps.confirm()
    },
    bus: createBusAccess({ ...field, guard: runtime.guard, loadMap: (id) => loadPointMap(id, mapFolders) }),
    workbench: workbench.forApi,
    checks: checks.forApi,
    endLeases: workbench.endLeases,
  })
  const api = resources.use(
    await createApi({
      host: '127.0.0.1',
      port: options.port,
      access,
      rendererFolder: entries.rendererFolder,
      version: semver,
      sources: sources.forApi,
      log,
      ...(network && { secure: network.endpoint }),
    }),
  )
  if (api.secure) network?.announce({ name: site.name, port: api.secure.port })
  sources.connect(api)
  refresh = api.refresh
  publish = api.publish
  publishEvent = (event) => api.publish({ type: 'event', data: event })
  addEvent({
    atMs: clock.nowMs(),
    severity: 'info',
    code: 'service.started',
    message: `R-EMS ${semver} runs "${site.name}"`,
  })
  manager.ready()
  const caFingerprint = network?.ca.info().caFingerprint
  announce(options, {
    url: api.url,
    ...(api.secure && { secureUrl: api.secure.url }),
    ...(caFingerprint !== undefined && { caFingerprint }),
    ...((demo || desktop) && { signInCode: opened.consoleCode().code }),
    ...(opened.pairing && { pairing: opened.pairing }),
  })

  await stop.requested
  manager.stopping()
  setTimeout(() => process.exit(process.exitCode ?? 1), stopWithinMs).unref()
  // What a check has borrowed goes back before control lets go of the rest.
  await checks.stop('the service stops', checkBackWithinMs)
  await runtime.release('the service stops')
  addEvent({ atMs: clock.nowMs(), severity: 'info', code: 'service.stopped', message: 'the service stops' })
  await budget.stored()
  await resources.disposeAsync()
  return 0
}
