import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', '.tap/**', 'coverage/**', 'data/**'] }),
  {
    rules: {
      'max-len': ['error', { code: 100, ignoreUrls: true, ignoreRegExpLiterals: true }],
      'max-lines': ['error', { max: 300 }],
      'max-params': ['error', 4]
    }
  },
  {
    files: ['**/*.ts'],
    rules: {
      // A schema and its type share one name; the compiler itself refuses real redeclarations.
      '@typescript-eslint/no-redeclare': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error'
    }
  }
]
