import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import type { AddressBase } from '../format/registers.ts'

export const themeChoices = ['system', 'light', 'dark', 'field'] as const
export type ThemeChoice = (typeof themeChoices)[number]
export type Theme = Exclude<ThemeChoice, 'system'>

const storageKey = 'r-ems.preferences'

interface Saved {
  theme: ThemeChoice
  addresses: AddressBase
}

function load(): Saved {
  const saved: Saved = { theme: 'system', addresses: 'hex' }
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '{}')
    if (typeof stored !== 'object' || stored === null) return saved
    const theme = themeChoices.find((choice) => 'theme' in stored && stored.theme === choice)
    if (theme) saved.theme = theme
    if ('addresses' in stored && stored.addresses === 'dec') saved.addresses = 'dec'
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
  const prefersDark = matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(prefersDark.matches)
  prefersDark.addEventListener('change', (event) => (systemDark.value = event.matches))

  const shownTheme = computed<Theme>(() =>
    theme.value === 'system' ? (systemDark.value ? 'dark' : 'light') : theme.value,
  )

  watch(shownTheme, (next) => (document.documentElement.dataset['theme'] = next), { immediate: true })
  watch([theme, addresses], () => {
    try {
      localStorage.setItem(storageKey, JSON.stringify({ theme: theme.value, addresses: addresses.value }))
    } catch {
      // Not remembered then.
    }
  })

  const toggleAddresses = (): void => {
    addresses.value = addresses.value === 'hex' ? 'dec' : 'hex'
  }

  return { theme, shownTheme, addresses, toggleAddresses }
})
