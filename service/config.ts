import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Mode, mode as modeSchema } from '#contract/api.ts'
import { edgeFile } from '#contract/configuration.ts'
import { EdgeError } from '#contract/errors.ts'
import { type LicenseKey, type LicenseSettings, licenseSettings } from '#contract/license.ts'
import { connection } from '#contract/site-device.ts'
import type { Site } from '#contract/site.ts'
import type { Carried } from './carried.ts'
import { readSiteFile } from './configuration/site-document.ts'
import { type Effective, resolveSettings, type SettingKey } from './configuration/layers.ts'
import { configurationPlace, openRoot } from './configuration/root.ts'
import { applyRestore } from './backup/restore.ts'
import { development } from './development.ts'
import { type OpenedConfiguration, openConfiguration } from './open-configuration.ts'
import { systemClock } from './runtime/system-clock.ts'
import { vendorKeys } from './license/vendor-keys.ts'
import { plantArguments } from './runtime/plant-arguments.ts'
import { emptySite } from './runtime/empty-site.ts'
import { isMissing } from './runtime/workbench/text-files.ts'
import { parseCommandLine, parsePort, UsageError } from './args.ts'
import { networkOptions, type NetworkOptions } from './network-options.ts'

export const usage = `usage: r-emsd run [--config DIR|FILE] [options]   run the edge service for a site
       r-emsd run --demo [options]                run it with the simulated demo site
       r-emsd --version

  --config DIR|FILE      folder of the configuration, or its site.yaml or site.toml (R_EMS_CONFIG_ROOT; default /etc/r-ems);
                         a folder without a site starts the setup wizard
  --demo                 the built-in demo site; its plant runs in a process of its own
  Settings may stand in edge.yaml or edge.toml of that folder; r-emsctl config show --origin tells where each comes from.
  --mode MODE            production (default): real devices only; simulation: only the simulated plant is written to;
                         hybrid: real devices with simulated ones beside them, on which no real setpoint may rest
  --endpoint NAME=ADDR   demo only: reach device NAME at another address, such as meter=tcp://127.0.0.1:5020
  --port N               port of the API and web UI (R_EMS_API_PORT; default 8080, 0 for any free one)
  --listen HOST:PORT     also serve HTTPS on the network, with the CA of this site (R_EMS_LISTEN)
  --tls-name NAME        one more name or address for the certificate; may be repeated
  --client-certificates  off (default), optional or required
  --license FILE         licence; default: license.txt, .key, .lic or .license beside the site, or R_EMS_LICENSE
  --data-dir DIR         database, accounts and settings of this edge (R_EMS_DATA_DIR)
  --seed N, --speed N    demo only: seed and speed of the simulated plant
  --desktop              started by the desktop app: never controls real devices by itself
  --ready-json           print one line of JSON when the service listens
${development?.usage ?? ''}`

/** What to run, from the command line and the environment. */
export interface Options {
  readonly site: Site
  readonly siteFile: string
  /** What an older version of the format was read as; the file itself is as it was. */
  readonly migrated: readonly string[]
  /** Folder that the files of the site and of its tools lie in, whichever generation runs. */
  readonly root: string
  /** Absent for the demo site, which is part of the program. */
  readonly configuration?: OpenedConfiguration
  /** There is no site yet: only the workbench and the setup wizard are there. */
  readonly empty: boolean
  readonly demo: boolean
  readonly mode: Mode
  readonly desktop: boolean
  readonly port: number
  /** HTTPS on the network; without it, only this machine is served. */
  readonly network?: NetworkOptions
  readonly dataFolder: string
  readonly presetToken?: string
  /** By default, what is worth knowing; at a terminal, warnings. */
  readonly logLevel?: string
  readonly license: LicenseSettings
  /** Builds for development only: why everything is allowed without a licence. */
  readonly licenseBypass?: string
  /** Keys that licences are verified with. */
  readonly licenseKeys: readonly LicenseKey[]
  readonly plantArguments: readonly string[]
  readonly readyJson: boolean
}

const flags = {
  config: { type: 'string' },
  demo: { type: 'boolean' },
  mode: { type: 'string' },
  endpoint: { type: 'string', multiple: true },
  port: { type: 'string' },
  listen: { type: 'string' },
  'tls-name': { type: 'string', multiple: true },
  'client-certificates': { type: 'string' },
  license: { type: 'string' },
  'data-dir': { type: 'string' },
  seed: { type: 'string' },
  speed: { type: 'string' },
  desktop: { type: 'boolean' },
  'ready-json': { type: 'boolean' },
} as const

export async function loadOptions(
  args: string[],
  environment: NodeJS.ProcessEnv,
  projectFolder: string,
  carried: Pick<Carried, 'trial' | 'failure'> = {},
): Promise<Options> {
  const taken = development?.takeBypass(args) ?? { args, bypass: false }
  const { values } = parseCommandLine({ args: taken.args, options: flags, strict: true, allowPositionals: false })
  const demo = values.demo ?? false
  const place = demo ? undefined : configurationPlace(values.config, environment)
  if (demo ? values.config !== undefined : place?.origin === 'default' && !(await exists(place.path)))
    throw new UsageError('give either --config FILE or --demo')
  if (!demo && (values.seed ?? values.speed ?? values.endpoint))
    throw new UsageError('--seed, --speed and --endpoint belong to --demo')
  const root = place && (await openRoot(place.path, environment, values))
  const settings =
    root?.settings ?? resolveSettings({ environment, options: values, presets: demoPresets(projectFolder) })
  const { text, from } = reader(settings)
  const mode = modeOf(demo ? (values.mode ?? 'simulation') : (text('mode') ?? ''), from('mode'))
  if (demo && mode !== 'simulation') throw new UsageError('the demo site runs in simulation mode')

  const dataFolder = resolve(text('dataFolder') ?? '')
  const named = root?.sitePath ?? ''
  // A restore that was asked for over the API is carried out before anything of it is opened.
  if (!demo) await applyRestore(dataFolder, named)
  const configuration = demo ? undefined : await openNamed(named, projectFolder, carried)
  const siteFile = configuration?.siteFile ?? join(projectFolder, 'service/runtime/demo-site.yaml')
  const empty = configuration !== undefined && !(await hasSite(named, siteFile))
  const { site: read, notes } = empty ? { site: emptySite, notes: [] } : await readSiteFile(siteFile)
  const loaded = redirect(read, values.endpoint ?? [])
  const simulated = loaded.devices.find((device) => device.connection.startsWith('demo://'))
  if (mode === 'production' && simulated)
    throw new EdgeError(
      'config.invalid',
      `${siteFile}: device "${simulated.id}" is simulated (${simulated.connection}); start with --mode simulation, or hybrid`,
    )

  const listen = text('listen')
  const names = settings.get('tlsNames')
  // What stands ready in a file waits for the address; on the command line it is a slip.
  const asked = listen !== undefined || names?.layer === 'option'
  const network = networkOptions({
    listen,
    from: from('listen'),
    names: asked && Array.isArray(names?.value) ? names.value : undefined,
    clientCertificates:
      listen !== undefined || settings.get('clientCertificates')?.layer === 'option'
        ? text('clientCertificates')
        : undefined,
  })
  const presetToken = environment['R_EMS_API_TOKEN']
  const licensePath = text('license.path')
  const license = licenseSettings.parse({
    ...root?.edge?.values.license,
    ...(licensePath !== undefined && { path: licensePath }),
  })
  const bypassed = taken.bypass || development?.isBypassed(license) ? development?.bypassed : undefined
  const logLevel = text('logLevel')
  return {
    site: loaded,
    siteFile,
    migrated: notes,
    root: configuration?.root ?? dirname(siteFile),
    ...(configuration && { configuration }),
    empty,
    demo,
    mode,
    desktop: values.desktop ?? false,
    port: parsePort(text('port') ?? '', from('port')),
    ...(logLevel !== undefined && { logLevel: logLevelOf(logLevel, from('logLevel')) }),
    ...(network && { network }),
    dataFolder,
    ...(presetToken && { presetToken }),
    license,
    ...(bypassed !== undefined && { licenseBypass: bypassed }),
    licenseKeys: [...vendorKeys, ...((await development?.licenseKeys(environment)) ?? [])],
    plantArguments: [
      ...plantArguments(loaded),
      ...(values.seed === undefined ? [] : ['--seed', values.seed]),
      ...(values.speed === undefined ? [] : ['--speed', values.speed]),
    ],
    readyJson: values['ready-json'] ?? false,
  }
}

function openNamed(
  path: string,
  projectFolder: string,
  { trial, failure }: Pick<Carried, 'trial' | 'failure'>,
): Promise<OpenedConfiguration> {
  return openConfiguration({
    path,
    mapFolder: join(projectFolder, 'pointmaps'),
    nowMs: systemClock.nowMs(),
    ...(trial && { plannedTrial: trial.id }),
    ...(failure !== undefined && { why: failure }),
  })
}

/** Only a folder may be without a site: a file that was named is not there by mistake. */
async function hasSite(named: string, siteFile: string): Promise<boolean> {
  if (named === siteFile) return true
  return stat(siteFile).then(
    () => true,
    (error: unknown) => !isMissing(error),
  )
}

function demoPresets(projectFolder: string): Partial<Record<SettingKey, string>> {
  return { mode: 'simulation', dataFolder: join(projectFolder, '.data/demo') }
}

function reader(settings: ReadonlyMap<SettingKey, Effective>) {
  return {
    text(key: SettingKey): string | undefined {
      const value = settings.get(key)?.value
      return typeof value === 'string' ? value : undefined
    },
    from: (key: SettingKey): string => settings.get(key)?.origin ?? key,
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

function modeOf(text: string, from: string): Mode {
  const mode = modeSchema.safeParse(text).data
  if (!mode) throw new UsageError(`${from} is production, simulation or hybrid, not "${text}"`)
  if (mode === 'replay') throw new UsageError('a capture is replayed without a service: r-emsctl replay --capture FILE')
  return mode
}

function logLevelOf(text: string, from: string): string {
  const level = edgeFile.shape.logLevel.safeParse(text).data
  if (level === undefined)
    throw new UsageError(`${from} is fatal, error, warn, info, debug, trace or silent, not "${text}"`)
  return level
}

/** Sends devices of the demo site to other addresses: NAME=ADDRESS. */
function redirect(loaded: Site, endpoints: readonly string[]): Site {
  const addresses = new Map(
    endpoints.map((text) => {
      const [name = '', address = ''] = text.split(/=(.*)/s)
      if (!loaded.devices.some((device) => device.id === name))
        throw new UsageError(
          `--endpoint: there is no device "${name}"; the site has ${loaded.devices.map(({ id }) => id).join(', ')}`,
        )
      const parsed = connection.safeParse(address)
      if (!parsed.success)
        throw new UsageError(`--endpoint ${name}: ${parsed.error.issues[0]?.message ?? 'not an address'}`)
      return [name, parsed.data] as const
    }),
  )
  return {
    ...loaded,
    devices: loaded.devices.map((device) => ({ ...device, connection: addresses.get(device.id) ?? device.connection })),
  }
}
