import { createI18n } from 'vue-i18n'
import enShell from './locales/en.json'
import deRegisters from './locales/registers.de.json'
import enRegisters from './locales/registers.en.json'
import deWorkbench from './locales/workbench.de.json'
import enWorkbench from './locales/workbench.en.json'

const en = { ...enShell, workbench: enWorkbench, registers: enRegisters }
/** Texts that are not translated yet are shown in English. */
const de: { workbench: typeof enWorkbench; registers: typeof enRegisters } = {
  workbench: deWorkbench,
  registers: deRegisters,
}

type Leaves<T, Path extends string = ''> = {
  [Key in keyof T & string]: T[Key] extends string ? `${Path}${Key}` : Leaves<T[Key], `${Path}${Key}.`>
}[keyof T & string]

/** Every text of the user interface. A key that is not in en.json is a type error. */
export type TextKey = Leaves<typeof en>

export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en, de } })

/** Text in the language of the window. */
export const t = (key: TextKey, values: Record<string, unknown> = {}): string => i18n.global.t(key, values)

/** Text with a count, in the right plural. */
export const plural = (key: TextKey, count: number, values: Record<string, unknown> = {}): string =>
  i18n.global.t(key, { n: count, ...values }, count)

/** A key as a value, checked like an argument of `t`. */
export const textKey = (key: TextKey): string => key
