package domain

import "time"

// Beijing is where days begin and end. It has no summer time: a fixed zone needs no time zone database.
var Beijing = time.FixedZone("Asia/Shanghai", 8*60*60)
