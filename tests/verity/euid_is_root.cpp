// Says by its exit status whether it runs with root's rights.

#include <unistd.h>

int main() {
  return ::geteuid() == 0 ? 1 : 0;
}
