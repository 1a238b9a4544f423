package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wattgate/wattgate/daemon/config"
)

const startedFile = "started.json"

// Started reads with which configuration the broker was started last; false before the first start.
func Started(dir string) (config.Broker, bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, startedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return config.Broker{}, false, nil
	}
	var c config.Broker
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return config.Broker{}, false, fmt.Errorf("cannot read what the broker was started with: %w", err)
	}
	return c, true, nil
}
