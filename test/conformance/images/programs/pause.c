/* Waits for ever, as the program of a pause image does. */
#include <signal.h>
#include <unistd.h>

static void stop(int signal) {
  _exit(128 + signal);
}

int main(void) {
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  for (;;) pause();
}
