import type { SetupField } from '#contract/setup.ts'
import { listOf } from '../setup/places.ts'
import type { LineSession } from './terminal.ts'

/** What came of a question. */
export type Answered =
  | { readonly kind: 'value'; readonly value: unknown }
  /** Stays as it is. */
  | { readonly kind: 'same' }
  | { readonly kind: 'back' }
  /** The person stops for now. */
  | { readonly kind: 'stop' }

/** What can be typed at every question. */
export const keysHelp =
  'Enter keeps what is in [ ], ? explains, < goes back, - leaves it empty, . stops; everything is saved all the time.\n'

/** Asks for one value until it fits its kind. `say` prints what is wrong or explained. */
export async function askField(
  lines: LineSession,
  field: SetupField,
  current: unknown,
  say: (text: string) => void,
  options: readonly string[] = [],
): Promise<Answered> {
  const choices = field.choices ?? options
  for (;;) {
    const shown = current ?? field.default
    const list =
      choices.length > 0 && choices.length <= 12
        ? ` (${choices.map((word, at) => `${at + 1} ${word}`).join(', ')})`
        : ''
    const preset = shown === undefined ? '' : ` [${shownAnswer(shown)}]`
    const unit = field.unit === undefined ? '' : ` in ${field.unit}`
    const typed = (await lines.ask(`${field.title}${unit}${list}${preset}: `))?.trim()
    if (typed === undefined || typed === '.') return { kind: 'stop' }
    if (typed === '<') return { kind: 'back' }
    if (typed === '-') return { kind: 'value', value: undefined }
    if (typed === '?') {
      say(`  ${field.help}${rangeOf(field)}\n`)
      continue
    }
    if (typed === '') return { kind: 'same' }
    const read = readTyped(field, typed, choices)
    if ('value' in read) return { kind: 'value', value: read.value }
    say(`  ${read.wrong}\n`)
  }
}

export function shownAnswer(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return listOf(value).map(String).join(' ')
  return String(value)
}

const rangeOf = ({ min, max, unit = '' }: SetupField): string =>
  min === undefined && max === undefined ? '' : ` From ${min ?? 'any'} to ${max ?? 'any'} ${unit}`.trimEnd()

type Read = { readonly value: unknown } | { readonly wrong: string }

function readTyped(field: SetupField, typed: string, choices: readonly string[]): Read {
  switch (field.kind) {
    case 'number':
    case 'whole': {
      // A decimal comma is what half of Europe types.
      const value = Number(/^-?\d+,\d+$/.test(typed) ? typed.replace(',', '.') : typed)
      if (!/\d/.test(typed) || !Number.isFinite(value)) return { wrong: `"${typed}" is not a number.` }
      if (field.kind === 'whole' && !Number.isInteger(value)) return { wrong: `"${typed}" is not a whole number.` }
      return { value }
    }
    case 'switch': {
      if (/^(y|yes|true|on|j|ja|1)$/i.test(typed)) return { value: true }
      if (/^(n|no|false|off|nein|0)$/i.test(typed)) return { value: false }
      return { wrong: 'Type y or n.' }
    }
    case 'phases': {
      const phases = [...typed.matchAll(/[123]/g)].map(([digit]) => `l${digit}`)
      return phases.length > 0
        ? { value: phases }
        : { wrong: 'Type the phases in the order of the terminals, such as 1 2 3, 2 3 1 or 2.' }
    }
    case 'words':
      return { value: typed.split(/[\s,]+/).filter(Boolean) }
    default:
      return choices.length > 0 ? chosen(typed, choices) : { value: typed }
  }
}

/** By number, by the whole word, or by a part that only one has. */
function chosen(typed: string, choices: readonly string[]): Read {
  const byNumber = choices.length <= 12 && /^\d+$/.test(typed) ? choices[Number(typed) - 1] : undefined
  const word = byNumber ?? choices.find((choice) => choice === typed.toLowerCase())
  if (word !== undefined) return { value: word }
  const near = choices.filter((choice) => choice.includes(typed.toLowerCase()))
  if (near.length === 1) return { value: near[0] }
  const some = (near.length > 0 ? near : choices).slice(0, 20)
  return {
    wrong: `"${typed}" is ${near.length > 0 ? 'more than one' : 'none'} of these: ${some.join(', ')}${choices.length > 20 ? ' …' : ''}`,
  }
}
