import type { HandoverDraft, HandoverReport, SignedHandover, SignedHandovers, SignRequest } from '#contract/handover.ts'
import { onBeforeUnmount, onMounted, ref, shallowRef, watch } from 'vue'
import { useService } from '../../client/key.ts'
import { RequestError } from '../../client/http.ts'
import { useAction } from '../../stores/remote.ts'

/** After the last key, before the draft is saved. */
const pauseMs = 700
const everyMs = 5_000
const mostHistory = 100

/** The report as it stands, and its draft, which saves itself. */
export function useHandover(may: () => boolean) {
  const service = useService()
  const draft = ref<HandoverDraft>()
  const report = shallowRef<HandoverReport>()
  const signed = shallowRef<readonly SignedHandover[]>([])
  const loading = useAction()
  const fetching = useAction()
  const saving = useAction()
  const signing = useAction()
  /** `clash`: somebody else has saved meanwhile; nothing typed here is lost. */
  const saved = ref<'saved' | 'typing' | 'clash'>('saved')
  const history = shallowRef<readonly string[]>([])
  let kept = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  let poll: ReturnType<typeof setTimeout> | undefined
  let gone = false

  /** What was typed, without the revision, which the service counts. */
  const textOf = (of: HandoverDraft): string => JSON.stringify({ ...of, revision: 0 })

  async function loadReport(): Promise<void> {
    clearTimeout(poll)
    await loading.run(async () => {
      const [next, list] = await Promise.all([
        service.get<HandoverReport>('api/v1/handover'),
        service.get<SignedHandovers>('api/v1/handover/signed'),
      ])
      report.value = next
      signed.value = list.reports
    })
    if (!gone) poll = setTimeout(() => void loadReport(), everyMs)
  }
  async function loadDraft(): Promise<void> {
    if (!may()) return
    const next = await service.get<HandoverDraft>('api/v1/handover/draft')
    kept = textOf(next)
    draft.value = next
    saved.value = 'saved'
    history.value = []
  }
  async function save(): Promise<void> {
    clearTimeout(timer)
    const { value } = draft
    if (!value || textOf(value) === kept) return
    const sent = textOf(value)
    const done = await saving.run(async () => {
      try {
        const { revision } = await service.send<HandoverDraft>('PUT', 'api/v1/handover/draft', value)
        if (draft.value) draft.value.revision = revision
        kept = sent
        saved.value = 'saved'
      } catch (error) {
        if (error instanceof RequestError && error.code === 'handover.changed') saved.value = 'clash'
        throw error
      }
    })
    if (done) void loadReport()
  }
  watch(
    draft,
    (next) => {
      if (!next || saved.value === 'clash' || textOf(next) === kept) return
      if (saved.value === 'saved') history.value = [...history.value.slice(1 - mostHistory), kept]
      saved.value = 'typing'
      clearTimeout(timer)
      timer = setTimeout(() => void save(), pauseMs)
    },
    { deep: true },
  )
  function undo(): void {
    const last = history.value.at(-1)
    if (last === undefined || !draft.value) return
    history.value = history.value.slice(0, -1)
    const before: HandoverDraft = JSON.parse(last)
    draft.value = { ...before, revision: draft.value.revision }
    // Going back is saved like anything else, but is no step to go back to itself.
    saved.value = 'typing'
  }
  onMounted(async () => {
    void loadReport()
    await fetching.run(loadDraft)
  })
  onBeforeUnmount(() => {
    gone = true
    clearTimeout(poll)
    void save()
  })

  return {
    draft,
    report,
    signed,
    saved,
    canUndo: () => history.value.length > 0,
    undo,
    problem: () => saving.problem.value ?? fetching.problem.value ?? loading.problem.value,
    signing,
    /** Takes what somebody else has saved, in place of what was typed here. */
    takeTheirs: () => fetching.run(loadDraft),
    /** Saves what was typed here over what somebody else has saved. */
    async keepMine(): Promise<void> {
      await fetching.run(async () => {
        const { revision } = await service.get<HandoverDraft>('api/v1/handover/draft')
        if (draft.value) draft.value.revision = revision
        saved.value = 'typing'
      })
      await save()
    },
    async sign(request: SignRequest): Promise<boolean> {
      await save()
      const done = await signing.run(() => service.send<SignedHandover>('POST', 'api/v1/handover/sign', request))
      await loadReport()
      return done
    },
    preview: async () => (await service.download('api/v1/handover/preview')).text(),
    file: (name: string) => service.download(`api/v1/handover/signed/${name}`),
  }
}
