// SPDX-License-Identifier: GPL-3.0-only

package harness

import "testing"

func TestMain(m *testing.M) { Main(m) }
