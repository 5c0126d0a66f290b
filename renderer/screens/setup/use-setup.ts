import type {
  SetupDraft,
  SetupField,
  SetupFormName,
  SetupForms,
  SetupProblem,
  SetupState,
  SetupStep,
} from '#contract/setup.ts'
import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch } from 'vue'
import { explain, type Explanation } from '../../client/explain.ts'
import { RequestError } from '../../client/http.ts'
import { useService } from '../../client/key.ts'
import { t } from '../../i18n.ts'
import { usePreferences } from '../../stores/preferences.ts'
import { freeId, idsIn, type Place, placeOf, placeText, textAt, valueAt, withValue } from './setup-places.ts'

/** After the last key, before the answers are saved. */
const pauseMs = 300
const mostHistory = 200

type Words = Readonly<Record<string, { readonly title: string; readonly help: string }>>

/** The answers of the wizard: kept by the service with every change, and what is still to be done about them. */
export function useSetup() {
  const service = useService()
  const preferences = usePreferences()
  const forms = shallowRef<SetupForms>()
  const german = shallowRef<Words>({})
  const state = shallowRef<SetupState>()
  const answers = shallowRef<SetupDraft>({})
  const history = shallowRef<readonly SetupDraft[]>([])
  const problem = shallowRef<Explanation>()
  /** Somebody else has changed the answers; nothing is saved until a person has chosen. */
  const conflict = shallowRef<Explanation>()
  const saving = ref(false)
  const unsaved = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  let under: Promise<void> = Promise.resolve()

  function take(next: SetupState, withAnswers: boolean): void {
    state.value = next
    if (withAnswers) answers.value = next.answers
  }

  async function load(): Promise<void> {
    try {
      const [loaded, present] = await Promise.all([
        service.get<SetupForms>('api/v1/setup/forms'),
        service.get<SetupState>('api/v1/setup/answers'),
      ])
      if (preferences.language === 'de') german.value = (await import('../../locales/setup-fields.de.json')).default
      forms.value = loaded
      take(present, true)
      conflict.value = undefined
      unsaved.value = false
      problem.value = undefined
    } catch (error) {
      problem.value = explain(error, t('problem.silence'))
    }
  }
  onMounted(load)
  watch(
    () => preferences.language,
    async (language) => {
      german.value = language === 'de' ? (await import('../../locales/setup-fields.de.json')).default : {}
    },
    { immediate: true },
  )

  async function save(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    // Another turn may have saved the same already.
    if (conflict.value || !unsaved.value) return
    const sent = answers.value
    saving.value = true
    try {
      const body = { revision: state.value?.revision ?? '', answers: sent }
      take(await service.send<SetupState>('PUT', 'api/v1/setup/answers', body), false)
      problem.value = undefined
      if (answers.value === sent) unsaved.value = false
    } catch (error) {
      const said = explain(error, t('setup.notSaved'))
      if (error instanceof RequestError && error.code === 'setup.changed') conflict.value = said
      else problem.value = said
    } finally {
      saving.value = false
    }
  }
  /** Resolves once everything that was typed is kept. */
  function flush(): Promise<void> {
    if (timer === undefined && !unsaved.value) return under
    return (under = under.then(save))
  }

  function change(next: SetupDraft): void {
    history.value = [...history.value.slice(1 - mostHistory), answers.value]
    show(next)
  }
  function show(next: SetupDraft): void {
    answers.value = next
    unsaved.value = true
    clearTimeout(timer)
    timer = setTimeout(() => void (under = under.then(save)), pauseMs)
  }
  function set(place: Place, value: unknown): void {
    const next = withValue(answers.value, place, value)
    if (typeof next === 'object' && next !== null) change({ ...next })
  }
  /** A new name of an entry; its short name follows as long as nobody has chosen one and nothing speaks of it. */
  function rename(place: Place, name: string): void {
    const entry = valueAt(answers.value, place)
    const renamed = withValue(answers.value, [...place, 'name'], name)
    const [id, was] = [textAt(entry, ['id']), textAt(entry, ['name'])]
    const taken = idsIn(withValue(answers.value, [...place, 'id'], undefined))
    const own = id !== '' && (/^(device|circuit|grid|main)(-\d+)?$/.test(id) || id === freeId(was, taken, id))
    const followed =
      own && !taken.includes(id) && name.trim() !== ''
        ? withValue(renamed, [...place, 'id'], freeId(name, taken, id))
        : renamed
    if (typeof followed === 'object' && followed !== null) change({ ...followed })
  }
  function undo(): void {
    const last = history.value.at(-1)
    if (!last) return
    history.value = history.value.slice(0, -1)
    show(last)
  }
  /** Of two people, this one's answers hold. */
  async function keepMine(): Promise<void> {
    const present = await service.get<SetupState>('api/v1/setup/answers').catch(() => undefined)
    if (!present) return
    take(present, false)
    conflict.value = undefined
    await save()
  }
  async function discard(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    try {
      take(await service.send<SetupState>('DELETE', 'api/v1/setup/answers'), true)
      history.value = []
      unsaved.value = false
    } catch (error) {
      problem.value = explain(error, t('setup.notSaved'))
    }
  }
  onBeforeUnmount(() => void flush())

  const fieldsOf = (form: SetupFormName): readonly SetupField[] =>
    (forms.value?.forms.find((each) => each.form === form)?.fields ?? []).map((field) => ({
      ...field,
      ...german.value[`${form}.${field.key}`],
    }))
  const problems = computed<readonly SetupProblem[]>(() => state.value?.problems ?? [])

  return {
    state,
    answers,
    problems,
    problem,
    conflict,
    saving,
    unsaved,
    history,
    maps: computed(() => forms.value?.maps ?? []),
    suggestions: computed(() => state.value?.suggestions ?? []),
    fieldsOf,
    get: (place: Place) => valueAt(answers.value, place),
    problemAt: (place: Place) => problems.value.find(({ path }) => path === placeText(place)),
    problemsOf: (step: SetupStep) => problems.value.filter((each) => each.step === step),
    set,
    rename,
    accept: (path: string, value: unknown) => set(placeOf(path), value),
    undo,
    load,
    keepMine,
    discard,
    flush,
  }
}
export type Setup = ReturnType<typeof useSetup>
