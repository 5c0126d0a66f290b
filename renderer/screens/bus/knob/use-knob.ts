import type { KnobState, KnobTurn, ValueSource } from '#contract/knob.ts'
import { onBeforeUnmount, ref, shallowRef, watch } from 'vue'
import { explain, type Explanation } from '../../../client/explain.ts'
import { useService } from '../../../client/key.ts'
import { t } from '../../../i18n.ts'

const askEveryMs = 1000
const path = 'api/v1/workbench/knobs'

/** The wizard of one source of values, from when the component opens until it closes or the source changes. */
export function useKnob(source: () => ValueSource | undefined) {
  const service = useService()
  const state = shallowRef<KnobState>()
  const problem = shallowRef<Explanation>()
  const busy = ref(false)
  let timer: ReturnType<typeof setInterval> | undefined

  async function act(action: () => Promise<KnobState>): Promise<void> {
    busy.value = true
    problem.value = undefined
    try {
      state.value = await action()
    } catch (error) {
      problem.value = explain(error, t('workbench.noAnswer'))
    } finally {
      busy.value = false
    }
  }

  async function look(): Promise<void> {
    const id = state.value?.id
    if (id === undefined || busy.value) return
    const next = await service.get<KnobState>(`${path}/${id}`).catch(() => undefined)
    // Something newer may have come meanwhile.
    if (next && next.id === state.value?.id && next.turns.length >= state.value.turns.length) state.value = next
  }

  function close(): void {
    clearInterval(timer)
    const id = state.value?.id
    state.value = undefined
    if (id !== undefined) void service.send('DELETE', `${path}/${id}`).catch(() => undefined)
  }

  async function start(): Promise<void> {
    close()
    const from = source()
    if (!from) return
    await act(() => service.send<KnobState>('POST', path, { source: from }))
    timer = setInterval(() => void look(), askEveryMs)
  }

  const turn = (values: KnobTurn) =>
    act(() => service.send<KnobState>('POST', `${path}/${state.value?.id}/turns`, values))

  watch(
    () => source()?.id,
    () => void start(),
    { immediate: true },
  )
  onBeforeUnmount(close)
  return { state, problem, busy, start, turn }
}
