import 'vue'

/** Attributes that fall through to the root element of a component, or that only tests and styles read. */
declare module 'vue' {
  interface AllowedComponentProps {
    'aria-label'?: string
    title?: string
    'aria-describedby'?: string | undefined
    placeholder?: string
    tabindex?: string
    id?: string
    onClick?: (event: MouseEvent) => void
  }
  interface InputHTMLAttributes {
    /** A whole folder is chosen. */
    webkitdirectory?: boolean
  }
  interface HTMLAttributes {
    'data-live'?: boolean
    'data-index'?: number
  }
}
