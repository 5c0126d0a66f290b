import { inject, type InjectionKey } from 'vue'
import type { ServiceClient } from './service-client.ts'

export const serviceKey: InjectionKey<ServiceClient> = Symbol('service')

/** The service this window talks to; provided once in main.ts. */
export function useService(): ServiceClient {
  const service = inject(serviceKey)
  if (!service) throw new Error('no service client was provided')
  return service
}
