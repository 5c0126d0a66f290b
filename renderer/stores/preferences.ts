import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { type AddressBase, addressBases } from '../format/registers.ts'
import { type Language, setLanguage } from '../i18n.ts'

/** Texts that a language lacks are shown in English. */
export const languages = ['en', 'de'] as const satisfies readonly Language[]

export const themeChoices = ['system', 'light', 'dark', 'field'] as const
export type ThemeChoice = (typeof themeChoices)[number]
export type Theme = Exclude<ThemeChoice, 'system'>

const storageKey = 'r-ems.preferences'

interface Saved {
  theme: ThemeChoice
  addresses: AddressBase
  language: Language
}

function load(): Saved {
  const saved: Saved = { theme: 'system', addresses: 'hex', language: 'en' }
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '{}')
    if (typeof stored !== 'object' || stored === null) return saved
    const theme = themeChoices.find((choice) => 'theme' in stored && stored.theme === choice)
    if (theme) saved.theme = theme
    const addresses = addressBases.find((base) => 'addresses' in stored && stored.addresses === base)
    if (addresses) saved.addresses = addresses
    const language = languages.find((name) => 'language' in stored && stored.language === name)
    if (language) saved.language = language
  } catch {
    // Storage may be blocked or hold something else; the defaults do.
  }
  return saved
}

/** What this window remembers for itself. */
export const usePreferences = defineStore('preferences', () => {
  const saved = load()
  const theme = ref<ThemeChoice>(saved.theme)
  const addresses = ref<AddressBase>(saved.addresses)
  const language = ref<Language>(saved.language)
  const prefersDark = matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(prefersDark.matches)
  prefersDark.addEventListener('change', (event) => (systemDark.value = event.matches))

  const shownTheme = computed<Theme>(() =>
    theme.value === 'system' ? (systemDark.value ? 'dark' : 'light') : theme.value,
  )

  watch(shownTheme, (next) => (document.documentElement.dataset['theme'] = next), { immediate: true })
  watch(
    language,
    (next) => {
      void setLanguage(next)
      document.documentElement.lang = next
    },
    { immediate: true },
  )
  watch([theme, addresses, language], () => {
    const kept: Saved = { theme: theme.value, addresses: addresses.value, language: language.value }
    try {
      localStorage.setItem(storageKey, JSON.stringify(kept))
    } catch {
      // Not remembered then.
    }
  })

  const toggleAddresses = (): void => {
    addresses.value = addresses.value === 'hex' ? 'dec' : 'hex'
  }

  return { theme, shownTheme, addresses, language, toggleAddresses }
})
