/* A library with something to do at the end of the process: functions that register it, and with DESTRUCTOR one of
   the file itself. BARE is for a library without the compiler's start files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
#ifdef BARE
__attribute__((visibility("hidden"))) void *__dso_handle = &__dso_handle;
#else
extern void *__dso_handle;
#endif

static void tell(const char *line, size_t length) {
    int told = open("told", O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (write(told, line, length) != (ssize_t)length) _exit(9);
    close(told);
}

static void at_exit(void) { tell("atexit\n", 7); }
static void on_exit_(int status, void *data) { tell("on_exit\n", 8); }
static void of_thread(void *data) { tell("thread\n", 7); }

void exported(int status, void *data) { tell("exported\n", 9); }

void by_atexit(void) { atexit(at_exit); }
void by_on_exit(void) { on_exit(on_exit_, NULL); }
void by_thread(void) { __cxa_thread_atexit_impl(of_thread, NULL, &__dso_handle); }
void by_stream(void) { fputs("buffered\n", fopen("plain", "a")); }

#ifdef DESTRUCTOR
__attribute__((destructor)) static void destructor(void) { tell("destructor\n", 11); }
#endif
void fini(void) { tell("fini\n", 5); }
