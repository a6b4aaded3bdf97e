# SPDX-License-Identifier: GPL-2.0-or-later
# CMP_ADD_FLAGS(VARIABLE, FLAGS): appends each flag that the compiler accepts (probed with -Werror, so
# that a flag which is merely warned about does not count) and collects the refused ones in
# cmp_refused_flags, which tools/check-flags looks at.
AC_DEFUN([CMP_ADD_FLAGS], [
  for cmp_flag in m4_normalize([$2]); do
    AS_VAR_PUSHDEF([cmp_cache], [cmp_cv_flag_$cmp_flag])
    AC_CACHE_CHECK([whether $CC accepts $cmp_flag], [cmp_cache], [
      cmp_saved="$CFLAGS"
      CFLAGS="$CFLAGS -Werror $cmp_flag"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
        [AS_VAR_SET([cmp_cache], [yes])], [AS_VAR_SET([cmp_cache], [no])])
      CFLAGS="$cmp_saved"
    ])
    AS_VAR_IF([cmp_cache], [yes], [$1="$$1 $cmp_flag"], [cmp_refused_flags="$cmp_refused_flags $cmp_flag"])
    AS_VAR_POPDEF([cmp_cache])
  done
])

# CMP_LIBRARY(PREFIX, PKG-CONFIG MODULES, DEBIAN PACKAGE): required library with an error that says what to install.
AC_DEFUN([CMP_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [AC_MSG_ERROR([$2 was not found: install the package $3])])
])
