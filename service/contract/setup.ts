import { z } from 'zod'
import { role, userName } from './access.ts'
import { economics } from './economics.ts'
import { checkSite } from './site-check.ts'
import { siteChange, siteFileTexts } from './configuration.ts'
import { mapId, siteDevice } from './site-device.ts'
import { busAddress } from './workbench.ts'
import { grid } from './site.ts'

/**
 * Answers of the setup wizard: the same in the app, in the web UI and on the command line, and in a file that is given with
 * --answers. From complete answers the files of a site follow, always the same ones.
 */

/** The steps of the wizard, in the order in which they are asked. */
export const setupSteps = [
  'installation',
  'devices',
  'grids',
  'economics',
  'network',
  'controllers',
  'accounts',
  'license',
] as const
export const setupStep = z.enum(setupSteps)
export type SetupStep = z.infer<typeof setupStep>

const line = z
  .string()
  .trim()
  .min(1)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters')

export const installationAnswers = z.strictObject({
  name: line.max(60).meta({
    title: 'Name of the installation',
    description: 'What people call the site, such as "Depot Nord". It is shown in every window and report.',
  }),
  timeZone: z.string().min(1).max(40).default('UTC').meta({
    title: 'Time zone',
    description: 'Tariffs follow its clock. A name such as Europe/Berlin, or UTC.',
  }),
  mode: z
    .enum(['production', 'simulation', 'hybrid'])
    .default('production')
    .meta({
      title: 'Mode',
      description:
        'production: real devices only. simulation: only simulated devices are written to. hybrid: simulated devices beside ' +
        'real ones; no real setpoint rests on them.',
    }),
})

const edgeName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.:-]*[a-z0-9])?$/, 'a name or address in lower case, such as edge-07.local')

export const networkAnswers = z.strictObject({
  port: z.number().int().min(0).max(65_535).default(8080).meta({
    title: 'Port on this machine',
    description: 'Web UI and API for programs on the same machine, over plain HTTP; it is never open to the network.',
  }),
  listen: z
    .string()
    .max(60)
    .regex(/^(\[[0-9a-f:.]+\]|[0-9.]+):\d{1,5}$/i, 'ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443')
    .optional()
    .meta({
      title: 'Address on the network',
      description:
        'HTTPS for browsers and apps on the network, such as 0.0.0.0:8443. Without it, only this machine is served.',
    }),
  tlsNames: z.array(edgeName).max(20).default([]).meta({
    title: 'More names for the certificate',
    description: 'Names or addresses by which people open it, besides those that the machine has itself.',
  }),
})

/** Passwords are asked for at the end and are never part of the answers. */
export const accountAnswer = z.strictObject({
  name: userName.meta({ title: 'User name', description: 'Small letters and digits, such as maria.' }),
  role: role.meta({
    title: 'Role',
    description: 'viewer: looks. operator: switches control. installer: changes the site. admin: also users and keys.',
  }),
})

export const controllerAnswer = z.strictObject({
  name: edgeName.max(60).meta({ title: 'Controller', description: 'A name in small letters, such as edge-a.' }),
  address: z
    .string()
    .max(300)
    .regex(/^https:\/\/[^\s/]+:\d{1,5}$/, 'expected https://HOST:PORT')
    .optional()
    .meta({ title: 'Address', description: 'https://HOST:PORT where the others reach it.' }),
})

export const licenseAnswers = z.strictObject({
  path: z
    .string()
    .min(1)
    .max(300)
    .regex(/^[^\p{C}]+$/u, 'a path')
    .optional()
    .meta({
      title: 'Licence file',
      description: 'Where the licence file is on the edge. Commissioning, simulation and all safety control need none.',
    }),
})

/** What the wizard asks about a device. What was proven on site is none of its business and stays as it is. */
export const deviceAnswer = siteDevice.omit({ verified: true })
export type DeviceAnswer = z.infer<typeof deviceAnswer>

type Path = readonly PropertyKey[]

/** Complete answers, checked as a whole. */
export const setupAnswers = z
  .strictObject({
    version: z.literal(1, { error: 'answers of another version of the wizard; this one knows version 1' }).default(1),
    installation: installationAnswers,
    devices: z.array(deviceAnswer).min(1).max(2500),
    grids: z.array(grid).min(1).max(16),
    economics: economics.prefault({}),
    network: networkAnswers.prefault({}),
    controllers: z.array(controllerAnswer).max(8).default([]),
    accounts: z.array(accountAnswer).max(50).default([]),
    license: licenseAnswers.prefault({}),
  })
  .superRefine((answers, context) => {
    const { installation, grids, devices } = answers
    checkSite(
      { timeZone: installation.timeZone, grids, devices, ties: [], signals: [] },
      {
        ...context,
        addIssue(issue) {
          if (typeof issue === 'string' || issue.code !== 'custom') return
          const path: Path = issue.path ?? []
          context.addIssue({ ...issue, path: path[0] === 'timeZone' ? ['installation', ...path] : [...path] })
        },
      },
    )
    const twice = (list: readonly { readonly name: string }[], key: string, what: string): void => {
      for (const [at, { name }] of list.entries())
        if (list.findIndex((other) => other.name === name) < at)
          context.addIssue({ code: 'custom', path: [key, at, 'name'], message: `the ${what} "${name}" exists twice` })
    }
    twice(answers.accounts, 'accounts', 'user')
    twice(answers.controllers, 'controllers', 'controller')
  })
export type SetupAnswers = z.infer<typeof setupAnswers>

/** Answers are kept up to this length as text. */
export const mostDraftCharacters = 1_000_000
const step = z.unknown().optional()

/** Answers on the way: anything may be missing or wrong still, so that nothing that was typed is ever lost. */
export const setupDraft = z
  .strictObject({
    version: step,
    installation: step,
    devices: step,
    grids: step,
    economics: step,
    network: step,
    controllers: step,
    accounts: step,
    license: step,
  })
  .refine((draft) => JSON.stringify(draft).length <= mostDraftCharacters, { message: 'these answers are too long' })
export type SetupDraft = z.infer<typeof setupDraft>

/** Something that keeps answers from becoming a site. */
export const setupProblem = z.strictObject({
  step: setupStep,
  /** Place in the answers, such as `devices.2.charger.maxCurrentA`. */
  path: z.string().max(300),
  /** `open`: not answered yet. */
  kind: z.enum(['open', 'wrong']),
  /** One sentence. */
  message: z.string().max(1000),
  /** What to do about it. */
  cure: z.string().max(300),
})
export type SetupProblem = z.infer<typeof setupProblem>

/** Something that the answers make likely. It is never put in by itself. */
export const setupSuggestion = z.strictObject({
  step: setupStep,
  /** Place that it would fill; for a new entry of a list, the place behind the last one. */
  path: z.string().max(300),
  value: z.unknown(),
  /** Shown for the value. */
  text: z.string().max(200),
  why: z.string().max(300),
})
export type SetupSuggestion = z.infer<typeof setupSuggestion>

export const setupField = z.strictObject({
  /** Place below its form, such as `charger.maxCurrentA`. */
  key: z.string(),
  title: z.string(),
  help: z.string(),
  unit: z.string().optional(),
  /** `words`: a list of short texts. */
  kind: z.enum(['text', 'number', 'whole', 'switch', 'choice', 'phases', 'words']),
  choices: z.array(z.string()).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  maxLength: z.number().optional(),
  default: z.unknown().optional(),
  required: z.boolean(),
  /** Asked of everybody; the others only on request. */
  main: z.boolean(),
})
export type SetupField = z.infer<typeof setupField>

export const setupFormNames = [
  'installation',
  'device',
  'battery',
  'charger',
  'load',
  'pv',
  'grid',
  'circuit',
  'economics',
  'network',
  'controller',
  'account',
  'license',
] as const

/** The fields of one form, made from the schemas of this contract. */
export const setupForm = z.strictObject({ form: z.enum(setupFormNames), fields: z.array(setupField) })
export type SetupForm = z.infer<typeof setupForm>
export type SetupFormName = SetupForm['form']
export const setupForms = z.strictObject({
  forms: z.array(setupForm),
  /** Point maps that a device can be given. */
  maps: z.array(z.strictObject({ id: z.string(), title: z.string(), role: z.string() })).max(5000),
})
export type SetupForms = z.infer<typeof setupForms>

/** Answers as the service keeps them, and what is still to be done about them. */
export const setupState = z.strictObject({
  /** Changes with every change; a change names the one that it was made on. Empty before the first. */
  revision: z.string().max(64),
  /** `draft`: somebody has begun. `site`: as the site runs now. `empty`: there is no site yet. */
  source: z.enum(['draft', 'site', 'empty']),
  changedBy: z.string().optional(),
  changedAtMs: z.number().optional().meta({ title: 'Changed', unit: 'ms since 1970' }),
  answers: setupDraft,
  problems: z.array(setupProblem),
  suggestions: z.array(setupSuggestion),
})
export type SetupState = z.infer<typeof setupState>

export const setupChange = z.strictObject({ revision: z.string().max(64), answers: setupDraft })
export type SetupChange = z.infer<typeof setupChange>
export const setupCheck = setupState.pick({ problems: true, suggestions: true })
export type SetupCheck = z.infer<typeof setupCheck>

/** What the answers become, before anything is written. */
export const setupPreview = z.strictObject({
  revision: z.string().max(64),
  /** The site with every point map that it uses. */
  files: siteFileTexts,
  /** edge.yaml, which stays on the edge. */
  edge: z.string(),
  /** Against the site that runs; empty for a new one. */
  changes: z.array(siteChange).max(10_000),
  /** What they become when they are written. `site`: that of this service, which has none. `draft`: something to deploy. */
  becomes: z.enum(['site', 'draft']),
  /** Hash of the files that run, which a deployment is made on; absent when nothing runs yet. */
  runningHash: z.string().optional(),
})
export type SetupPreview = z.infer<typeof setupPreview>

export const setupWrite = z.strictObject({ revision: z.string().max(64) })
export const setupWritten = z.strictObject({
  /** Paths on the machine of the service. */
  written: z.array(z.string()),
  /** `starts`: the service starts anew with this site. `deploy`: a site runs already; these files are a draft beside it. */
  next: z.enum(['starts', 'deploy']),
})
export type SetupWritten = z.infer<typeof setupWritten>

/** Reads the device that an answer speaks of, once; nothing is written. */
export const setupReadingRequest = z.strictObject({
  connection: busAddress,
  unitId: z.number().int().min(0).max(255).default(1),
  map: mapId,
})
export type SetupReadingRequest = z.infer<typeof setupReadingRequest>
export const setupReading = z.strictObject({
  /** Why nothing was read; absent when something was. */
  problem: z.string().max(1000).optional(),
  latencyMs: z.number().optional(),
  /** The values that show best whether it is the right device, most telling first. */
  points: z
    .array(
      z.strictObject({
        name: z.string(),
        title: z.string(),
        unit: z.string(),
        /** Absent when it was not measured. */
        value: z.union([z.number(), z.string()]).optional(),
        reason: z.string().max(300).optional(),
      }),
    )
    .max(12),
})
export type SetupReading = z.infer<typeof setupReading>
