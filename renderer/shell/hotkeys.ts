import { onBeforeUnmount, onMounted } from 'vue'

const typesText = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches('input, textarea, select, [role="menuitemradio"], [role="option"]'))

/**
 * Listens for keys while the component lives. The handler returns true when the key was for it. Single keys are not
 * taken away from fields and dialogs unless `scope` is everywhere.
 */
export function useHotkeys(handler: (event: KeyboardEvent) => boolean, scope: 'page' | 'everywhere' = 'page'): void {
  const listen = (event: KeyboardEvent): void => {
    if (event.defaultPrevented) return
    if (scope === 'page') {
      if (event.ctrlKey || event.metaKey || event.altKey || typesText(event.composedPath()[0] ?? null)) return
      if (document.querySelector('[role="dialog"]')) return
    }
    if (handler(event)) event.preventDefault()
  }
  onMounted(() => addEventListener('keydown', listen))
  onBeforeUnmount(() => removeEventListener('keydown', listen))
}
