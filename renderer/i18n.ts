import { createI18n } from 'vue-i18n'
import { setNumberLanguage } from './format/number.ts'
import enBackup from './locales/backup.en.json'
import enChecks from './locales/checks.en.json'
import enDeploy from './locales/deploy.en.json'
import enShell from './locales/en.json'
import enHandover from './locales/handover.en.json'
import enHealth from './locales/health.en.json'
import enLicense from './locales/license.en.json'
import enMaps from './locales/maps.en.json'
import enProof from './locales/proof.en.json'
import enRegisters from './locales/registers.en.json'
import enSetup from './locales/setup.en.json'
import enWorkbench from './locales/workbench.en.json'
import enWrite from './locales/write.en.json'

const en = {
  ...enShell,
  backup: enBackup,
  checks: enChecks,
  deploy: enDeploy,
  handover: enHandover,
  health: enHealth,
  license: enLicense,
  maps: enMaps,
  proof: enProof,
  registers: enRegisters,
  setup: enSetup,
  workbench: enWorkbench,
  write: enWrite,
}
/** Loaded when it is chosen. */
async function loadGerman(): Promise<typeof en> {
  const [shell, backup, checks, deploy, handover, health, license, maps, proof, registers, setup, workbench, write] =
    await Promise.all([
      import('./locales/de.json'),
      import('./locales/backup.de.json'),
      import('./locales/checks.de.json'),
      import('./locales/deploy.de.json'),
      import('./locales/handover.de.json'),
      import('./locales/health.de.json'),
      import('./locales/license.de.json'),
      import('./locales/maps.de.json'),
      import('./locales/proof.de.json'),
      import('./locales/registers.de.json'),
      import('./locales/setup.de.json'),
      import('./locales/workbench.de.json'),
      import('./locales/write.de.json'),
    ])
  return {
    ...shell.default,
    backup: backup.default,
    checks: checks.default,
    deploy: deploy.default,
    handover: handover.default,
    health: health.default,
    license: license.default,
    maps: maps.default,
    proof: proof.default,
    registers: registers.default,
    setup: setup.default,
    workbench: workbench.default,
    write: write.default,
  }
}

type Leaves<T, Path extends string = ''> = {
  [Key in keyof T & string]: T[Key] extends string ? `${Path}${Key}` : Leaves<T[Key], `${Path}${Key}.`>
}[keyof T & string]

/** Every text of the user interface. A key that is not in en.json is a type error. */
export type TextKey = Leaves<typeof en>

export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en } })

export type Language = 'en' | 'de'
const loaded = new Set<Language>(['en'])

/** Shows the window in a language, once its texts are there. */
export async function setLanguage(language: Language): Promise<void> {
  if (language === 'de' && !loaded.has('de')) {
    i18n.global.setLocaleMessage('de', await loadGerman())
    loaded.add('de')
  }
  const { locale }: { locale: { value: string } } = i18n.global
  locale.value = language
  setNumberLanguage(language)
}

/** Text in the language of the window. */
export const t = (key: TextKey, values: Record<string, unknown> = {}): string => i18n.global.t(key, values)

/** Text with a count, in the right plural. */
export const plural = (key: TextKey, count: number, values: Record<string, unknown> = {}): string =>
  i18n.global.t(key, { n: count, ...values }, count)

/** A key as a value, checked like an argument of `t`. */
export const textKey = (key: TextKey): string => key
