package demo

import (
	"waybill/domain/account"
	"waybill/domain/product"
)

// providers is the supply side of the demo world. Names and numbers are invented.
var providers = []supplier{
	{
		enterprise: account.Enterprise{Name: "三亚海丝国际物流有限公司", USCC: "91460200MA5T1A2B3N", LegalRepresentative: "王海生"},
		contact:    "李娜", address: "三亚市吉阳区迎宾路198号", phone: "0898-88650001",
		introduction: "专注东南亚海运与冷链，自有三亚、曼谷两地保税仓，提供订舱、清关、海外仓一站式服务。",
		products: []item{
			{name: "三亚至曼谷冷链海运专线", brief: "每周三班，全程温控，门到门六天。", tags: []string{"冷链", "生鲜", "门到门"}, mode: product.Sea, country: "泰国", city: "曼谷", lat: 13.7563, lng: 100.5018, fate: pinned},
			{name: "海口至新加坡整柜快航", brief: "直航不中转，周二周五开船。", tags: []string{"整柜", "直航"}, mode: product.Sea, country: "新加坡", city: "新加坡", lat: 1.2897, lng: 103.8501},
			{name: "洋浦至胡志明市散货拼箱", brief: "一立方起运，含目的港清关。", tags: []string{"拼箱", "含清关"}, mode: product.Sea, country: "越南", city: "胡志明市", lat: 10.8231, lng: 106.6297},
			{name: "三亚至雅加达海运拼箱", brief: "每周一班，支持带电产品。", tags: []string{"拼箱", "带电"}, mode: product.Sea, country: "印度尼西亚", city: "雅加达", lat: -6.2088, lng: 106.8456},
			{name: "三亚至马尼拉海运整柜", brief: "四十尺高柜，双清包税。", tags: []string{"整柜", "双清"}, mode: product.Sea, country: "菲律宾", city: "马尼拉", lat: 14.5995, lng: 120.9842, fate: pending},
			{name: "全网最快曼谷快船", brief: "全网最快，保证三天到港。", tags: []string{"快船"}, mode: product.Sea, country: "泰国", city: "曼谷", lat: 13.7563, lng: 100.5018, fate: rejected},
			{name: "三亚至清迈海陆联运", brief: "全网最低价，曼谷转陆运，七天到门。", tags: []string{"联运", "门到门"}, mode: product.Sea, country: "泰国", city: "清迈", lat: 13.7563, lng: 100.5018, fate: resubmitted},
		},
	},
	{
		enterprise: account.Enterprise{Name: "凤凰航空货运代理有限公司", USCC: "91460200MA5T4C5D6Q", LegalRepresentative: "陈凤"},
		contact:    "黄志强", address: "三亚凤凰国际机场货运区3号库", phone: "400-820-6688",
		introduction: "凤凰机场一级货代，覆盖亚洲及中东主要航点，支持跨境电商小包与整板包舱。",
		products: []item{
			{name: "三亚至东京空运专线", brief: "每日航班，次日可达，支持小包。", tags: []string{"小包", "次日达"}, mode: product.Air, country: "日本", city: "东京", lat: 35.6762, lng: 139.6503},
			{name: "三亚至吉隆坡空运包舱", brief: "整板包舱，价格全年锁定。", tags: []string{"包舱"}, mode: product.Air, country: "马来西亚", city: "吉隆坡", lat: 3.1390, lng: 101.6869},
			{name: "三亚至迪拜空运快线", brief: "两天到港，可带电带磁。", tags: []string{"带电", "快线"}, mode: product.Air, country: "阿联酋", city: "迪拜", lat: 25.2048, lng: 55.2708, fate: pinned},
			{name: "海口至首尔跨境小包", brief: "单票两公斤以内，上门揽收。", tags: []string{"小包", "揽收"}, mode: product.Air, country: "韩国", city: "首尔", lat: 37.5665, lng: 126.9780},
		},
	},
	{
		enterprise: account.Enterprise{Name: "琼桂陆港联运有限公司", USCC: "91460200MA5T7E8F9T", LegalRepresentative: "韦国梁"},
		contact:    "莫丽", address: "海口市秀英区粤海铁路货场", phone: "13807710099",
		introduction: "粤海铁路轮渡与中欧班列联运，陆运覆盖越南、老挝，铁路直达欧洲。",
		products: []item{
			{name: "海口至杜伊斯堡中欧班列", brief: "铁路整柜，十八天到站。", tags: []string{"中欧班列", "整柜"}, mode: product.Rail, country: "德国", city: "杜伊斯堡", lat: 51.4344, lng: 6.7623},
			{name: "海口至河内陆运专车", brief: "点对点陆运，四天到门。", tags: []string{"专车", "门到门"}, mode: product.Land, country: "越南", city: "河内", lat: 21.0278, lng: 105.8342},
			{name: "海口至万象中老铁路", brief: "铁路直达，每周两列。", tags: []string{"中老铁路"}, mode: product.Rail, country: "老挝", city: "万象", lat: 17.9757, lng: 102.6331},
			{name: "海口至金边陆运拼车", brief: "每周两班，五天到门。", tags: []string{"拼车"}, mode: product.Land, country: "柬埔寨", city: "金边", lat: 11.5564, lng: 104.9282, fate: fresh},
		},
	},
}
