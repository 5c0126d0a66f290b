import './style/fonts.css'
import './style/tokens.css'
import './style/base.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { followDesktop } from './client/desktop-bridge.ts'
import { serviceKey } from './client/key.ts'
import { createServiceClient } from './client/service-client.ts'
import { signInFromAddress } from './client/sign-in.ts'
import { i18n } from './i18n.ts'
import { router } from './router.ts'

if (!window.desktop) await signInFromAddress()
const service = createServiceClient(window.desktop ? undefined : new URL('/', location.href).href)
if (window.desktop) followDesktop(window.desktop, service)

createApp(App).provide(serviceKey, service).use(createPinia()).use(i18n).use(router).mount('#app')
