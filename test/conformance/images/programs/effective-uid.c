/* Prints the effective user id it runs with; the image carries it as root's setuid program. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  return printf("Effective uid: %d\n", (int)geteuid()) < 0;
}
