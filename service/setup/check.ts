import {
  setupAnswers,
  type SetupAnswers,
  type SetupDraft,
  type SetupForm,
  type SetupProblem,
  setupStep,
  type SetupStep,
} from '#contract/setup.ts'
import { stringify } from 'yaml'
import { nearest } from '../domain/nearest.ts'
import { parseYamlWith } from '../domain/yaml-document.ts'
import { setupForms } from './fields.ts'
import { type Place, placeOf, placeText, recordOf, valueAt } from './places.ts'

/** What the answers are checked against besides themselves. */
export interface SetupContext {
  /** Point maps that exist; without them it is not checked whether those of the devices do. */
  readonly maps?: readonly string[]
}

export interface CheckedAnswers {
  /** In the order of the steps. */
  readonly problems: readonly SetupProblem[]
  /** Only when there is no problem. */
  readonly answers?: SetupAnswers
}

const mostProblems = 200

/** Everything that keeps answers from becoming a site, each with its step, its place and what to do about it. */
export function checkAnswers(draft: SetupDraft, context: SetupContext = {}): CheckedAnswers {
  const parsed = parseYamlWith(setupAnswers, stringify(draft, { aliasDuplicateObjects: false }), 'the answers')
  const found = parsed.problems
    ? parsed.problems.map(({ path, message, allowed }) => problemAt(draft, path, message, allowed))
    : unknownMaps(parsed.value, context.maps)
  const problems = found
    .toSorted((a, b) => setupStep.options.indexOf(a.step) - setupStep.options.indexOf(b.step))
    .slice(0, mostProblems)
  return problems.length === 0 && parsed.value ? { problems, answers: parsed.value } : { problems }
}

function problemAt(draft: SetupDraft, path: string, message: string, allowed?: readonly string[]): SetupProblem {
  const place = placeOf(path)
  const step = setupStep.safeParse(place[0]).data ?? 'installation'
  const value = valueAt(draft, place)
  const title = titleOf(place.map(String))
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0))
    return {
      step,
      path,
      kind: 'open',
      ...openWords(step, place.length, title, message, cureOf(step, title, draft, place)),
    }
  const choice = allowed && allowed.length <= 40 ? ` It is one of: ${allowed.join(', ')}.` : ''
  return {
    step,
    path,
    kind: 'wrong',
    message: sentence(message),
    cure: `${cureOf(step, title, draft, place)}${choice}`,
  }
}

const listWords: Partial<Record<SetupStep, { readonly message: string; readonly cure: string }>> = {
  devices: {
    message: 'There is no device yet.',
    cure: 'Take over those that a scan has found, or add one by hand.',
  },
  grids: { message: 'There is no grid yet.', cure: 'Add the grid connection with its main fuse.' },
  installation: { message: 'The installation has no name yet.', cure: 'Give it one.' },
}

function openWords(step: SetupStep, depth: number, title: string | undefined, message: string, cure: string) {
  const words = depth === 1 ? listWords[step] : undefined
  if (words) return words
  // A rule of the whole site says more than that something is missing.
  if (!message.includes('is missing') && !/^(expected|too short|the text "")/.test(message))
    return { message: sentence(message), cure }
  return {
    message: title === undefined ? sentence(message) : `${title} is not answered yet.`,
    cure,
  }
}

/** Names the field, and of a list the entry that it belongs to. */
function cureOf(step: SetupStep, title: string | undefined, draft: SetupDraft, place: Place): string {
  const entry = place.findLastIndex((part) => typeof part === 'number' || part === 'connection')
  const { name } = recordOf(entry < 0 ? undefined : valueAt(draft, place.slice(0, entry + 1)))
  const owner = typeof name === 'string' && name.trim() !== '' ? ` of ${name.slice(0, 60)}` : ''
  return `Correct ${title === undefined ? 'it' : `"${title}"`}${owner} in the step "${step}".`
}

const sentence = (text: string): string => {
  const whole = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`.slice(0, 900)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}

let forms: readonly SetupForm[] | undefined

/** The title of the field at a place of the answers, such as "Fuse per phase". */
function titleOf(place: readonly string[]): string | undefined {
  const key = place.findLast((part) => !/^\d+$/.test(part))
  if (key === undefined || place.length === 1) return undefined
  const [step = ''] = place
  const holder = place.findLast((part, at) => at < place.lastIndexOf(key) && !/^\d+$/.test(part)) ?? step
  const form = { devices: 'device', grids: 'grid', connection: 'circuit', circuits: 'circuit' }[holder] ?? holder
  forms ??= setupForms()
  const singular = form.replace(/s$/, '')
  const fields = forms.find((candidate) => candidate.form === form || candidate.form === singular)?.fields
  return fields?.find((field) => field.key === key)?.title
}

function unknownMaps({ devices }: SetupAnswers, maps: readonly string[] | undefined): SetupProblem[] {
  if (!maps) return []
  return devices.flatMap(({ id, map }, at) => {
    if (maps.includes(map)) return []
    const hint = nearest(map, [...maps])
    return [
      {
        step: 'devices' as const,
        path: placeText(['devices', at, 'map']),
        kind: 'wrong' as const,
        message: `There is no point map "${map}" for the device "${id}"${hint === undefined ? '' : `; did you mean "${hint}"?`}`,
        cure: 'Choose one of the library, or add the file under pointmaps/.',
      },
    ]
  })
}
