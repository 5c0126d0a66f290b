import { onBeforeUnmount, onMounted, ref, type Ref, shallowRef } from 'vue'
import { type Explanation, explain } from '../client/explain.ts'
import { t } from '../i18n.ts'

const explained = (error: unknown): Explanation => explain(error, t('problem.silence'))

/** Something the service lists, loaded when the component is there. The old list stays while a new one is loaded. */
export function useRemote<T>(load: (signal: AbortSignal) => Promise<T>) {
  const data: Ref<T | undefined> = shallowRef()
  const problem: Ref<Explanation | undefined> = shallowRef()
  const gone = new AbortController()
  async function reload(): Promise<void> {
    try {
      data.value = await load(gone.signal)
      problem.value = undefined
    } catch (error) {
      if (!gone.signal.aborted) problem.value = explained(error)
    }
  }
  onMounted(reload)
  onBeforeUnmount(() => gone.abort())
  return { data, problem, reload }
}

/** One thing a person asked for: whether it is under way, and what went wrong. */
export function useAction() {
  const busy = ref(false)
  const problem: Ref<Explanation | undefined> = shallowRef()
  /** True when it was done. */
  async function run(action: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    problem.value = undefined
    try {
      await action()
      return true
    } catch (error) {
      problem.value = explained(error)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, run }
}
