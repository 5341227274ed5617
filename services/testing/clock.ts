/**
 * A clock that a test sets, for a Redis server that it starts: a library that is loaded before the C
 * library and adds to the time of day. The offset lies in a file that the server has mapped, so that it
 * can be changed while the server runs. Built with the machine's C compiler, where there is one.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { openSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"

const SOURCE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long long *offset;
__attribute__((constructor)) static void begin(void) {
  int file = open(getenv("CLOCK_OFFSET_FILE"), O_RDONLY);
  offset = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += *offset;
  return result;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *now) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
`

export const hasCompiler = spawnSync("cc", ["--version"]).status === 0

/** A clock in this directory. `env` is what the server needs in its environment to go by it. */
export const makeClock = (directory: string, name: string) => {
  const source = join(directory, "clock.c")
  const library = join(directory, "clock.so")
  const file = join(directory, `${name}.offset`)
  writeFileSync(source, SOURCE)
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source])
  writeFileSync(file, Buffer.alloc(8))
  const opened = openSync(file, "r+")
  return {
    env: { LD_PRELOAD: library, CLOCK_OFFSET_FILE: file },
    /** From now on the server's clock is so many seconds ahead of the machine's, or behind it. */
    set: (seconds: number) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(seconds))
      writeSync(opened, bytes, 0, 8, 0)
    },
  }
}
